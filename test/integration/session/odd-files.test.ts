/** A part of the special files and paths of test/exhaustive/odd-files.test.ts (B6). */
import { testIndexes, testPlaces } from '../../support/session/odd-files.js';

testPlaces(5);
testIndexes();

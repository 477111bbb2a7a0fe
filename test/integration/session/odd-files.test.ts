/** B6: a share of the things and places of test/exhaustive/odd-files.test.ts. */
import { testIndexes, testPlaces } from '../../support/session/odd-files.js';

testPlaces(5);
testIndexes();

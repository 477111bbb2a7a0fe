/** B6: each thing that is no file and no directory, in each place of a folder store. */
import { testPlaces } from '../support/session/odd-files.js';

testPlaces(1);

/** Special files, each at each path of a folder store (B6). */
import { testPlaces } from '../support/session/odd-files.js';

testPlaces(1);

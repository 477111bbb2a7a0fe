/** C13: snapshots that fail before their swap leave the bytes of the store as they were. */
import { testFailures } from './_failed-snapshots.js';

testFailures(10);

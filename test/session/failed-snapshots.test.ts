/** C13: snapshots that fail before their swap and leave the bytes of the store unchanged. */
import { testFailures } from './_failed-snapshots.js';

testFailures(10);

/** C13: snapshots that fail before their swap and leave the bytes of the store unchanged. */
import { testFailures } from '../../support/session/failed-snapshots.js';

testFailures(10);

/** Snapshots that fail before their swap and leave the bytes of the store unchanged (C13). */
import { testFailures } from '../../support/session/failed-snapshots.js';

testFailures(10);

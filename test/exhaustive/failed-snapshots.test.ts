/**
 * C13: snapshots that fail before their swap leave the bytes of the store as they were, 50 of 50.
 */
import { testFailures } from '../support/session/failed-snapshots.js';

testFailures(50);

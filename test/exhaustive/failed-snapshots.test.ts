/**
 * Snapshots that fail before their swap (C13). In 50 of 50 runs they leave the bytes of the store
 * unchanged.
 */
import { testFailures } from '../support/session/failed-snapshots.js';

testFailures(50);

/** The part of the library that reads and writes directories. */
export { checkoutSession } from '../../session/checkout.js';
export { checkpointDirectory } from '../../session/commit/checkpoint.js';
export { commitDirectory } from '../../session/commit/commit.js';
export { compareDirectory } from '../../session/status.js';

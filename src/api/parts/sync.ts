/** The part of the library that transfers commits between replicas. */
export { mergeSession } from '../../sync/merge.js';
export { pullSession } from '../../sync/pull.js';
export { pullForMount } from '../../sync/pull-for-mount.js';
export { notPushed, pushSession } from '../../sync/push.js';
export { repairSession } from '../../sync/relocate.js';

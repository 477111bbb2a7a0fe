/** The part of the library that mounts sessions and migrates those of v0. */
export { listLegacy } from '../../legacy/list.js';
export { migrateSession } from '../../legacy/migrate.js';
export { openMount } from '../../mount/open.js';
export { abandonedMounts, recoverMount, unfinishedCheckouts } from '../../mount/recover.js';

/** The part of the library that examines or cleans a whole repository. */
export { collectGarbage } from '../../repository/maintain/gc.js';
export { usageOf } from '../../repository/maintain/usage.js';
export { checkRepository } from '../../repository/maintain/verify.js';

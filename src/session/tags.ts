/** Tag names, checked where a caller gives one. */
import { BrowserStateError } from '../errors.js';
import { tagProblem } from '../repository/layout.js';

/** Throws USAGE unless `name` can be a tag. */
export function requireTag(name: string): void {
  const problem = tagProblem(name);
  if (problem !== undefined) throw new BrowserStateError('USAGE', `${JSON.stringify(name)} cannot be a tag: ${problem}`);
}

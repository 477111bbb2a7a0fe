/**
 * State of the process. A process may hold several copies of this library: its ESM and its CommonJS
 * build, and bundles that contain either. Copies of one version share this state.
 */

/** The version of the package. scripts/bundle.js defines it. */
declare const BROWSERSTATE_VERSION: string | undefined;

const key = Symbol.for(`browserstate ${typeof BROWSERSTATE_VERSION === 'string' ? BROWSERSTATE_VERSION : 'source'}`);

/** Returns the state named `name`. The first call in the process creates the state. */
export function processState<T>(name: string, make: () => T): T {
  const holder = globalThis as { [key]?: Map<string, unknown> };
  holder[key] ??= new Map();
  if (!holder[key].has(name)) holder[key].set(name, make());
  return holder[key].get(name) as T;
}

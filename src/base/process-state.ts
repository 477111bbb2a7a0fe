/**
 * State of the process. A process may hold several copies of this library: its ESM and its CommonJS
 * build, and bundles that contain either. Copies of one version share the state that is kept here.
 */

/** The version of the package, which scripts/bundle.js defines. */
declare const BROWSERSTATE_VERSION: string | undefined;

const key = Symbol.for(`browserstate ${typeof BROWSERSTATE_VERSION === 'string' ? BROWSERSTATE_VERSION : 'source'}`);

/** Returns the state of that name, which the first caller in the process makes. */
export function processState<T>(name: string, make: () => T): T {
  const holder = globalThis as { [key]?: Map<string, unknown> };
  holder[key] ??= new Map();
  if (!holder[key].has(name)) holder[key].set(name, make());
  return holder[key].get(name) as T;
}

/** Options of Node for a process whose loading of modules is recorded or disturbed. */

const imported = (source: string): string[] => ['--import', `data:text/javascript,${encodeURIComponent(source)}`];

const hook = `data:text/javascript,${encodeURIComponent(
  `export async function load(url, context, next) { console.error('loaded ' + url); return next(url, context); }`,
)}`;

/** Writes `loaded <address>` to stderr for every module. Modules of CommonJS follow at the end. */
export const showingLoads = imported(
  `import Module, { register } from 'node:module';
  import { pathToFileURL } from 'node:url';
  register(${JSON.stringify(hook)});
  process.on('exit', () => Object.keys(Module._cache).forEach((path) => console.error('loaded ' + pathToFileURL(path))));`,
);

/** Makes `require` of a package fail with an error of that message and code. */
export const failingToRequire = (name: string, message: string, code: string): string[] =>
  imported(
    `import Module from 'node:module';
    const load = Module._load;
    Module._load = function (name, ...others) {
      if (name === ${JSON.stringify(name)}) throw Object.assign(new Error(${JSON.stringify(message)}), { code: ${JSON.stringify(code)} });
      return load.call(this, name, ...others);
    };`,
  );

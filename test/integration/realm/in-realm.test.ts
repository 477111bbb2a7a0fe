/**
 * The unit tests of the public API once more, in a realm of its own, as Jest runs a program. The
 * library's `Error` then differs from the class of the errors that Node makes.
 * `test/integration/api/realm.test.ts` starts the tests with the flag of Node that allows modules
 * in a context.
 */
import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import test, { type ExecutionContext } from 'ava';

const files = ['../../unit/api/session.test.js', '../../unit/api/browser-state.test.js', '../mount/mounts.test.js'];

/**
 * The test function for tests of the realm. ava's assertions do not recognize regular expressions
 * and objects of the realm.
 */
const ava = new Proxy(test, { apply: (_, self, args) => Reflect.apply(test, self, args.map(withAssertions)) });

function withAssertions(argument: unknown): unknown {
  if (typeof argument !== 'function') return argument;
  return (t: ExecutionContext, ...args: unknown[]) => argument(translating(t), ...args);
}

function translating(t: ExecutionContext): ExecutionContext {
  return new Proxy(t, {
    get(_, name) {
      if (name === 'regex') return (text: string, { source, flags }: RegExp) => t.regex(text, new RegExp(source, flags));
      if (name === 'like') return (value: object, selector: object) => t.like(value, structuredClone(selector));
      return Reflect.get(t, name);
    },
  });
}

/**
 * Names that a program finds in the realm in addition to the language. Bytes are of the outer
 * realm, like in Jest.
 */
const names = ['Buffer', 'process', 'console', 'URL', 'TextEncoder', 'TextDecoder', 'AbortController', 'AbortSignal', 'performance'];
const more = ['setTimeout', 'clearTimeout', 'setImmediate', 'queueMicrotask', 'structuredClone', 'Uint8Array', 'ArrayBuffer'];
const outer = globalThis as unknown as Record<string, unknown>;
const context = vm.createContext(Object.fromEntries([...names, ...more].map((name) => [name, outer[name]])));
const modules = new Map<string, Promise<vm.Module>>();

/**
 * Returns a module by its specifier. Modules of this project are loaded into the realm, and modules
 * of Node and of packages into the outer realm.
 */
function find(specifier: string, from: string): Promise<vm.Module> {
  const isOurs = specifier.startsWith('.') || specifier.startsWith('#');
  const url = isBuiltin(specifier) ? specifier : isOurs ? resolved(specifier, from) : specifier;
  const known = modules.get(url) ?? (isOurs ? compiled(url) : given(specifier));
  modules.set(url, known);
  return known;
}

function resolved(specifier: string, from: string): string {
  if (specifier === '#platform') return new URL('../../../src/codec/node.js', import.meta.url).href;
  return new URL(specifier, from).href;
}

async function compiled(url: string): Promise<vm.Module> {
  return new vm.SourceTextModule(readFileSync(fileURLToPath(url), 'utf8'), {
    context,
    identifier: url,
    initializeImportMeta: (meta) => {
      meta.url = url;
    },
    importModuleDynamically: (specifier: string) => linked(find(specifier, url)),
  });
}

async function given(specifier: string): Promise<vm.Module> {
  const found = specifier === 'ava' ? { default: ava } : ((await import(specifier)) as Record<string, unknown>);
  const keys = Object.keys(found);
  return new vm.SyntheticModule(
    keys,
    function (this: vm.SyntheticModule) {
      for (const key of keys) this.setExport(key, found[key]);
    },
    { context, identifier: specifier },
  );
}

let linking: Promise<unknown> = Promise.resolve();

/** Links and runs a module, one at a time. */
async function linked(module: Promise<vm.Module>): Promise<vm.Module> {
  const found = await module;
  linking = linking.then(async () => {
    if (found.status === 'unlinked') await found.link((specifier, { identifier }) => find(specifier, identifier));
  });
  await linking;
  await found.evaluate();
  return found;
}

for (const file of files) await linked(find(file, import.meta.url));

test('D4: the realm has errors of its own', (t) => {
  const read = createRequire(import.meta.url)('node:fs').readFileSync as typeof readFileSync;
  const seen = vm.runInContext('(read) => { try { read("/nowhere"); } catch (error) { return error instanceof Error; } }', context);
  t.false(seen(read));
});

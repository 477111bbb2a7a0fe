/** The names in the documents: everything that a user can use. */
import { readdirSync } from 'node:fs';
import test from 'ava';
import { readText, root } from '../../support/docs/blocks.js';

const text = `${readText('docs/library.md')}${readText('docs/reader.md')}`;

/** Returns the entry points of the package, by the module that is compiled. */
function entryPoints(): string[] {
  const { exports } = JSON.parse(readText('package.json')) as { exports: Record<string, unknown> };
  return Object.values(exports).flatMap((entry) => JSON.stringify(entry).match(/dist\/(?:types\/)?src\/[\w/-]+(?=\.d\.ts)/) ?? []);
}

/** Returns the exported names of a declaration file. */
function exportsOf(declarations: string): string[] {
  const declared = declarations.matchAll(/^export (?:declare )?(?:abstract )?(?:const|class|function|interface|type) (\w+)/gm);
  const listed = declarations.matchAll(/^export (?:type )?\{([^}]+)\}/gm);
  return [
    ...[...declared].map(([, name]) => name as string),
    ...[...listed].flatMap(([, names = '']) => names.split(',').map((name) => name.trim().replace(/^type |.* as /g, ''))),
  ].filter(Boolean);
}

test('docs/library.md and docs/reader.md name every public export', (t) => {
  const names = new Set(entryPoints().flatMap((path) => exportsOf(readText(`${path}.d.ts`))));
  t.true(names.size > 90, String(names.size));
  t.deepEqual(
    [...names].filter((name) => !new RegExp(`\`${name}\\b`).test(text)),
    [],
  );
});

test('docs/library.md names every method', async (t) => {
  const library = (await import('../../../src/index.js')) as Record<string, unknown>;
  const { Store } = (await import('../../../src/api/store.js')) as unknown as { Store: new () => object };
  const { Session } = (await import('../../../src/api/session.js')) as unknown as { Session: new () => object };
  const { Mount } = (await import('../../../src/mount/mount.js')) as unknown as { Mount: new () => object };
  const classes = [library['BrowserState'], library['SyncManager'], Store, Session, Mount] as (new () => object)[];
  const names = classes.flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));
  t.true(names.length > 60, String(names.length));
  t.deepEqual(
    names.filter((name) => name !== 'constructor' && !new RegExp(`[\`., ]${name}\\b`).test(text)),
    [],
  );
});

test('docs/ has the guides that README links to, and each is linked', (t) => {
  const readme = readText('README.md');
  const guides = readdirSync(`${root}docs`).filter((name) => name.endsWith('.md'));
  t.deepEqual(
    guides.filter((name) => !readme.includes(`docs/${name}`) && !text.includes(name)),
    [],
  );
  t.true(readme.split('\n').length <= 151, 'README has at most 150 lines');
});

test('the test that CONTRIBUTING.md starts with is there', (t) => {
  const [, path = ''] = /^npx ava dist\/(\S+)\.js$/m.exec(readText('CONTRIBUTING.md')) ?? [];
  t.regex(readText(`${path}.ts`), /^test\(/m);
});

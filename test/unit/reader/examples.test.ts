/** The examples of docs/reader.md, run as printed except for the address. */
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { memoryProvider } from '../../../src/index.js';
import { blocksOf } from '../../support/docs/blocks.js';
import { file, writeProfile } from '../../support/profile.js';
import { namesOf, serve } from '../../support/reader/place.js';
import { freshStore } from '../../support/store.js';

const examples = blocksOf('docs/reader.md').map(({ code }) => code);

/** Writes the example into the package, so that the package's own name leads to it. */
function placed(t: ExecutionContext, index: number, url: string): string {
  const path = fileURLToPath(new URL(`example-${index}.mjs`, import.meta.url));
  t.teardown(() => rmSync(path, { force: true }));
  const code = examples[index] ?? '';
  t.true(code.includes('https://profiles.example/team'));
  writeFileSync(path, code.replace('https://profiles.example/team', url));
  return path;
}

/** Returns a store with two versions of the session `work`. */
async function storeOf(t: ExecutionContext): Promise<Map<string, Uint8Array>> {
  const provider = memoryProvider();
  const { store, folder } = await freshStore(t, provider);
  for (const version of [1, 2]) {
    writeProfile(join(folder, `profile ${version}`), new Map([['Local State', file(JSON.stringify({ version }))]]));
    await store.session('work').commit(join(folder, `profile ${version}`), { message: `version ${version}` });
  }
  const names = await namesOf(provider, 's3', 'tester/');
  return new Map([...names].map(([name, bytes]) => [name.replace(/^tester/, 'default'), bytes]));
}

test('the example for a page prints the history, the files and a file of the version before', async (t) => {
  const { url } = await serve(t, await storeOf(t));
  const { stdout } = await promisify(execFile)(process.execPath, [placed(t, 0, url)]);
  const lines = stdout.trim().split('\n');
  t.deepEqual(
    lines.slice(0, 2).map((line) => line.slice(-9)),
    ['version 2', 'version 1'],
  );
  t.deepEqual(lines.slice(2), ['Local State file 13', '{ version: 1 }']);
});

test('the example for a worker answers with a file of the newest version, by requests with its token', async (t) => {
  const { url } = await serve(t, await storeOf(t), {
    answer: (_, { headers }) => (headers.authorization === 'Bearer my-token' ? undefined : { status: 401 }),
  });
  const worker = (await import(placed(t, 1, url))) as { default: { fetch: (request: Request) => Promise<Response> } };
  const response = await worker.default.fetch(new Request('https://worker.example/Local%20State'));
  t.deepEqual(await response.json(), { version: 2 });
});

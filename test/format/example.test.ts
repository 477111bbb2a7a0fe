/**
 * The annotated bytes of SPEC.md 17.1. They are the bytes that the library writes, and a repository
 * that both readers read.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { openStore } from '../../src/index.js';
import { fakeHost } from '../support/host.js';
import { content, exampleFiles, exampleText } from '../support/spec/example.js';
import { specText } from '../support/spec/rules.js';
import { temporary } from '../support/temporary.js';
import { readerOf } from './reader/reader.js';

test('section 17.1: the dump is of the bytes that are written', async (t) => {
  const section = specText.slice(specText.indexOf('### 17.1'));
  t.is(/```text\n[\s\S]*?\n```/.exec(section)?.[0], await exampleText(), 'run `node dist/test/support/spec/example.js`');
});

test('section 17.1: the example is a whole repository', async (t) => {
  const home = temporary(t);
  const root = join(home, 'tester', '.store');
  for (const [path, bytes] of await exampleFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
  }
  const reader = readerOf(root);
  const [entry] = reader.history('main');
  const entries = entry === undefined ? [] : reader.entries('main', entry);
  t.deepEqual(
    entries.map(({ path, content: bytes }) => [path, Buffer.from(bytes).toString()]),
    [
      ['Default', ''],
      ['Default/a', content],
    ],
  );
  const store = await openStore({ home, userId: 'tester', host: fakeHost('later') });
  t.deepEqual((await store.verify({ readData: true })).findings, []);
  await store.session('main').checkout(join(home, 'out'));
  t.is(readFileSync(join(home, 'out/Default/a'), 'utf8'), content);
});

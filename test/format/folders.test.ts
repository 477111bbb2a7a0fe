/**
 * Damaged folders. The tag of each rule, the library's readers, its check, and the reader that was
 * written from SPEC.md alone agree (B6, B8).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { isError, openStore } from '../../src/index.js';
import { fakeHost } from '../support/host.js';
import { content } from '../support/spec/example.js';
import { folderCases, StoreFolder } from '../support/spec/folders.js';
import { namedRules, rules } from '../support/spec/rules.js';
import { temporary } from '../support/temporary.js';
import { Refusal, readerOf } from './reader/reader.js';

/** Reads the head's only file from SPEC.md alone. Returns undefined if the file is rejected. */
function readAlone(root: string): string | undefined {
  try {
    const reader = readerOf(root);
    const [entry] = reader.history('main');
    const [, file] = entry === undefined ? [] : reader.entries('main', entry);
    return Buffer.from(file?.content ?? []).toString();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return undefined;
  }
}

for (const [name, notices, damage] of folderCases) {
  test(`B8: ${name}: ${notices}`, async (t) => {
    const home = temporary(t);
    const folder = new StoreFolder(join(home, 'tester', '.store'));
    await folder.write();
    damage(folder);
    const store = await openStore({ home, userId: 'tester', host: fakeHost('later') });
    const out = join(home, 'out');
    let refused = false;
    try {
      await store.session('main').checkout(out);
    } catch (error) {
      t.true(isError(error, 'INTEGRITY'), `expected INTEGRITY, found ${error}`);
      refused = true;
    }
    t.is(refused, notices === 'reader refuses', 'the library');
    if (refused) t.false(existsSync(out));
    else t.is(readFileSync(join(out, 'Default/a'), 'utf8'), content);
    t.is(readAlone(folder.root), refused ? undefined : content, 'the reader that was written from SPEC.md alone');
    const { findings } = await store.verify({ readData: true });
    t.is(findings.length > 0, notices !== 'writer only', `a check finds ${JSON.stringify(findings)}`);
    for (const id of namedRules(name.split(':')[0] as string)) {
      const tag = rules.find((rule) => rule.id === id)?.tag;
      if (!name.endsWith('nothing is wrong')) t.is(tag, notices, `the tag of ${id}`);
    }
  });
}

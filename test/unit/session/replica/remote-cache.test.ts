/**
 * Notes about a remote. Their cache in memory never hides a change of another process, or damage
 * (SPEC.md R-SYNC-7).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { emptyRef } from '../../../../src/format/ref.js';
import { RemoteNotes } from '../../../../src/session/replica/remote-cache.js';
import { fakeHost } from '../../../support/host.js';
import { temporary } from '../../../support/temporary.js';

const repository = new Uint8Array(16).fill(1);
const noteOf = (version: string) => ({
  repository,
  version,
  ref: { ...emptyRef(), sequence: 1 },
  head: undefined,
  manifest: { name: '', bytes: new Uint8Array(0) },
});

test('R-SYNC-7: a note that another process replaced, damaged or disowned is read as it is now', async (t) => {
  const folder = temporary(t);
  const [mine, others] = [new RemoteNotes(folder, 'memory:', fakeHost('mine')), new RemoteNotes(folder, 'memory:', fakeHost('others'))];
  await mine.setRepository(repository);
  await mine.setSession('main', noteOf('one'));
  t.deepEqual(await mine.session('main'), noteOf('one'));
  t.is(await mine.session('other'), undefined);
  await others.setSession('main', noteOf('two'));
  t.deepEqual(await mine.session('main'), noteOf('two'));
  t.deepEqual(await mine.session('main'), noteOf('two'));
  await others.setRepository(new Uint8Array(16).fill(2));
  t.is(await mine.session('main'), undefined);
  await others.setRepository(repository);
  const path = join(mine.folder, 'main.ref');
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  writeFileSync(path, bytes);
  t.is(await mine.session('main'), undefined);
});

/**
 * Findings of a verification beyond damaged bytes: missing objects, wrong locations under good
 * digests, and tags without a commit.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BlobPlace } from '../../../../src/format/manifest.js';
import { memoryProvider, type Provider, type Session } from '../../../../src/index.js';
import { scoped } from '../../../../src/provider/wrap/scoped.js';
import type { Token } from '../../../../src/repository/refs.js';
import { Repository } from '../../../../src/repository/repository.js';
import { prose } from '../../../support/content.js';
import { around } from '../../../support/faults/providers.js';
import { fakeHost } from '../../../support/host.js';
import { file, writeProfile } from '../../../support/profile.js';
import { contentOf, providerOf } from '../../../support/provider-content.js';
import { freshStore } from '../../../support/store.js';

const ROOT = 'tester/.store/';

interface Subject {
  provider: Provider;
  repository: Repository;
  session: Session;
  dir: string;
  token: Token;
  verify(readData?: boolean): Promise<{ key: string; message: string; sessions: string[] }[]>;
}

async function subject(t: ExecutionContext, provider = memoryProvider()): Promise<Subject> {
  const { store, folder, session } = await freshStore(t, provider);
  const dir = join(folder, 'profile');
  writeProfile(
    dir,
    new Map([
      ['a', file(prose(5000, 'a'))],
      ['b', file(prose(5000, 'b'))],
    ]),
  );
  await session.commit(dir, { compression: 'off' });
  const repository = (await Repository.open(scoped(provider, ROOT), fakeHost('meddler'))) as Repository;
  const token = (await repository.refs.read('main')) as Token;
  return { provider, repository, session, dir, token, verify: async (readData = false) => (await store.verify({ readData })).findings };
}

/**
 * Rewrites the manifest of the head with other locations, and makes the ref name the new manifest.
 */
async function replaceLocators({ repository, token }: Subject, alter: (place: BlobPlace) => BlobPlace): Promise<void> {
  const entry = token.ref.entries[0];
  if (entry === undefined) throw new Error('the session has a commit');
  const { commit, tree, blobs } = await repository.readManifest(entry);
  const altered = new Map([...blobs].map(([id, place]) => [id, alter(place)]));
  const name = { epoch: 1, name: 'ee'.repeat(16) };
  await repository.writeManifest(name, { commit, tree, blobs: altered }, 'off');
  await repository.refs.swap(token, { entries: [{ ...entry, manifest: name }] });
}

test('an undamaged repository has no findings', async (t) => {
  const { verify } = await subject(t);
  t.deepEqual(await verify(), []);
  t.deepEqual(await verify(true), []);
});

test('R-LOC-1: a location with other bytes under a good digest is found by reading every byte', async (t) => {
  const made = await subject(t);
  await replaceLocators(made, ({ location, length }) => ({ location: { ...location, offset: location.offset === 0 ? 1 : 0 }, length }));
  t.deepEqual(await made.verify(), []);
  const findings = await made.verify(true);
  t.true(findings.length > 0);
  t.true(findings.every(({ key, sessions }) => key.startsWith('packs/') && sessions.includes('main')));
  await t.throwsAsync(made.session.checkout(`${made.dir}-out`), { code: 'INTEGRITY' });
});

test('R-LOC-5: a frame beyond the end of its pack is found without reading', async (t) => {
  const made = await subject(t);
  await replaceLocators(made, ({ location, length }) => ({
    location: { ...location, frame: { ...location.frame, offset: 1_000_000 } },
    length,
  }));
  t.regex((await made.verify()).map(({ message }) => message).join(), /a frame ends at/);
});

test('R-REF-11: a tag that names no commit of the session is found', async (t) => {
  const made = await subject(t);
  await made.repository.refs.swap(made.token, { tags: new Map([['lost', '0'.repeat(64)]]) });
  t.like(await made.verify(), [{ key: 'refs/main', sessions: ['main'] }]);
});

test('missing packs and manifests are found, with the sessions that need them', async (t) => {
  for (const folder of ['packs/', 'manifests/']) {
    const made = await subject(t);
    await made.session.fork('copy');
    for await (const { key } of made.provider.list(ROOT + folder)) await made.provider.delete(key);
    const findings = await made.verify();
    t.is(findings.length, 1);
    t.true(findings[0]?.key.startsWith(folder));
    t.deepEqual([...(findings[0]?.sessions ?? [])].sort(), ['copy', 'main']);
  }
});

test('B7: all sessions are named that need one broken blob, also those whose manifests are not the same', async (t) => {
  const made = await subject(t);
  await made.session.fork('copy');
  writeFileSync(join(made.dir, 'b'), 'another');
  await made.session.commit(made.dir);
  const blob = prose(5000, 'a');
  const content = await contentOf(made.provider);
  for (const [key, entry] of content) {
    const at = key.includes('/packs/') ? Buffer.from(entry.bytes).indexOf(blob) : -1;
    if (at >= 0) content.set(key, { ...entry, bytes: entry.bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)) });
  }
  const { store } = await freshStore(t, await providerOf(content));
  const { findings } = await store.verify({ readData: true });
  const broken = findings.filter(({ message }) => message.includes('expected the blob'));
  t.is(broken.length, 1);
  t.deepEqual([...(broken[0]?.sessions ?? [])].sort(), ['copy', 'main']);
});

test('unreferenced objects are counted, and are no finding', async (t) => {
  const provider = memoryProvider();
  const { store, folder, session } = await freshStore(t, provider);
  writeProfile(join(folder, 'profile'), new Map([['a', file('a')]]));
  await session.commit(join(folder, 'profile'));
  t.is((await store.verify()).unreferenced, 0);
  await session.delete();
  const { unreferenced, findings, sessions } = await store.verify({ readData: true });
  t.deepEqual([unreferenced, findings.length, sessions], [2, 0, 0]);
});

test('an invalid object name is found', async (t) => {
  const { provider, verify } = await subject(t);
  await provider.put(`${ROOT}packs/readme`, Uint8Array.of(1));
  t.true((await verify()).some(({ key }) => key === 'packs/readme'));
});

test('commits during a verification are not reported as missing', async (t) => {
  const inner = memoryProvider();
  const meanwhile: (() => Promise<unknown>)[] = [];
  const provider = around(inner, async (method, key, request) => {
    const result = await request();
    // The change happens after the last list of objects, and before the refs are read.
    if (method !== 'list' || !key.endsWith('refs/')) return result;
    await meanwhile.pop()?.();
    return result;
  });
  const made = await subject(t, provider);
  writeFileSync(join(made.dir, 'a'), 'changed meanwhile');
  meanwhile.push(() => made.session.commit(made.dir));
  t.deepEqual(await made.verify(true), []);
  t.is(meanwhile.length, 0);
  t.is((await made.session.diff('HEAD~1')).changed.length, 1);
});

test('progress reports each object once', async (t) => {
  const provider = memoryProvider();
  const { store, folder, session } = await freshStore(t, provider);
  writeProfile(join(folder, 'profile'), new Map([['a', file('a')]]));
  await session.commit(join(folder, 'profile'));
  const seen: string[] = [];
  await store.verify({ onProgress: (done, total) => seen.push(`${done}/${total}`) });
  t.deepEqual(seen, ['1/2', '2/2']);
});

test('a repository whose creation was cut off after its config is undamaged, and stays unchanged', async (t) => {
  const provider = memoryProvider();
  const { store } = await freshStore(t, provider);
  const host = fakeHost('cut off');
  await Repository.init(
    around(scoped(provider, ROOT), async (method, key, request) => {
      if (method === 'swap' && key === 'gc/epoch') throw new Error('killed');
      return request();
    }),
    host,
  ).catch(() => undefined);
  t.deepEqual((await store.verify()).findings, []);
  t.is(await provider.read(`${ROOT}gc/epoch`), undefined);
});

for (const folder of ['refs', 'gc', 'packs', 'manifests', 'segments']) {
  test(`an object in place of ${folder}, which makes all below it look absent, is found`, async (t) => {
    const { provider, verify } = await subject(t);
    await provider.put(`${ROOT}${folder}`, prose(5, 'x'));
    t.deepEqual(
      (await verify()).map(({ key }) => key),
      [folder],
    );
  });
}

test('R-CONFIG-2: objects without config and refs are damage, and a store without objects is none', async (t) => {
  const { provider } = await subject(t);
  const content = await contentOf(provider);
  const verify = async (keys: RegExp) => {
    const left = new Map([...content].filter(([key]) => keys.test(key)));
    const { store } = await freshStore(t, await providerOf(left));
    return (await store.verify()).findings.map(({ code, key }) => `${code} ${key}`);
  };
  for (const kind of ['packs', 'manifests']) t.deepEqual(await verify(new RegExp(`/${kind}/`)), ['MISSING config'], kind);
  await t.throwsAsync(verify(/\/gc\//), { code: 'NOT_FOUND' });
});

/**
 * Responses and bytes that a reader over HTTP must not believe. The reader never returns wrong
 * bytes, and never an absent session instead of an error. A new case is a line.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ErrorCode } from '../../../src/base/errors.js';
import { memoryProvider } from '../../../src/index.js';
import { watchRate } from '../../../src/provider/http/body.js';
import { HttpSource } from '../../../src/provider/http/http.js';
import { rejects } from '../../support/errors.js';
import { HTML, type WrongAnswer } from '../../support/faults/http-answers.js';
import { frozen, namesOf, openReader, type Place, rejected, serve } from '../../support/reader/place.js';
import { freshStore, history } from '../../support/store.js';

const PACK = 'default/.store/packs/1-00112233445566778899aabbccddeeff';
const content = Uint8Array.from({ length: 1000 }, (_, i) => (i % 250) + 1);
const html = { headers: { 'content-type': 'text/html' }, body: HTML };
const xml = (code: string): Omit<WrongAnswer, 'status'> => ({
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
});
const part = (shown: string, bytes: number): Omit<WrongAnswer, 'status'> => ({
  headers: { 'content-range': `bytes ${shown}` },
  body: content.subarray(0, bytes),
});

/** Responses to the read of a cell, by status and body. */
const table: [string, WrongAnswer, ErrorCode | 'absent', ErrorCode | 'absent'][] = [
  // The columns are the response, the outcome below a plain address, and the outcome in a bucket of
  // S3.
  ['404 without a body', { status: 404 }, 'absent', 'UNREACHABLE'],
  ['404 with a page', { status: 404, ...html }, 'absent', 'UNREACHABLE'],
  ['410', { status: 410 }, 'absent', 'UNREACHABLE'],
  ['404 NoSuchKey', { status: 404, ...xml('NoSuchKey') }, 'absent', 'absent'],
  ['404 NoSuchBucket', { status: 404, ...xml('NoSuchBucket') }, 'NOT_FOUND', 'NOT_FOUND'],
  ['401', { status: 401 }, 'FORBIDDEN', 'UNREACHABLE'],
  ['403', { status: 403 }, 'FORBIDDEN', 'UNREACHABLE'],
  ['403 AccessDenied', { status: 403, ...xml('AccessDenied') }, 'FORBIDDEN', 'FORBIDDEN'],
  ['403 of an unknown code', { status: 403, ...xml('Whatever') }, 'FORBIDDEN', 'UNREACHABLE'],
  ['400 ExpiredToken', { status: 400, ...xml('ExpiredToken') }, 'FORBIDDEN', 'FORBIDDEN'],
  ['405', { status: 405 }, 'FORBIDDEN', 'UNREACHABLE'],
  ['408', { status: 408 }, 'UNREACHABLE', 'UNREACHABLE'],
  ['429', { status: 429 }, 'UNREACHABLE', 'UNREACHABLE'],
  ['500', { status: 500 }, 'UNREACHABLE', 'UNREACHABLE'],
  ['503 AccessDenied', { status: 503, ...xml('AccessDenied') }, 'UNREACHABLE', 'UNREACHABLE'],
  ['304', { status: 304 }, 'UNREACHABLE', 'UNREACHABLE'],
  ['204', { status: 204 }, 'UNREACHABLE', 'UNREACHABLE'],
  ['206 to no range', { status: 206, ...part('0-99/1000', 100) }, 'UNREACHABLE', 'UNREACHABLE'],
  ['a page in place of the cell', { status: 200, ...html }, 'UNREACHABLE', 'UNREACHABLE'],
  ['a page of no type', { status: 200, body: `\n${HTML}` }, 'UNREACHABLE', 'UNREACHABLE'],
  ['an error document with 200', { status: 200, ...xml('NoSuchKey') }, 'UNREACHABLE', 'UNREACHABLE'],
  ['nothing with 200', { status: 200 }, 'UNREACHABLE', 'UNREACHABLE'],
  ['a body that is cut', { status: 200, body: content, tail: 'cut' }, 'UNREACHABLE', 'UNREACHABLE'],
  ['a body without end', { status: 200, tail: 'on' }, 'UNREACHABLE', 'UNREACHABLE'],
  ['a length beyond all bounds', { status: 200, headers: { 'content-length': '99999999999' }, tail: 'on' }, 'INTEGRITY', 'INTEGRITY'],
  ['a 403 without end', { status: 403, tail: 'on' }, 'FORBIDDEN', 'UNREACHABLE'],
  ['a cell that is too short', { status: 200, body: content.subarray(0, 10) }, 'INTEGRITY', 'INTEGRITY'],
];

for (const isS3 of [false, true]) {
  const where = isS3 ? 'a bucket of S3' : 'a plain address';
  test(`R-HTTP-2, R-S3-9: wrong answers of ${where} to the read of a cell`, async (t) => {
    let wrong: WrongAnswer = { status: 500 };
    const { url } = await serve(t, new Map(), { answer: () => wrong });
    const source = new HttpSource(new URL(`${url}?key=secret`), { fetch }, isS3);
    for (const [title, answer, plain, s3] of table) {
      wrong = answer;
      const outcome = isS3 ? s3 : plain;
      if (outcome === 'absent') t.is(await source.read('default/.store/refs/main'), undefined, title);
      else {
        const { message, hint } = await rejects(t, () => source.read('default/.store/refs/main'), outcome, title);
        t.notRegex(`${message} ${hint}`, /secret/, title);
      }
    }
  });
}

/** Responses to a read of bytes 100 to 200. Each has its error, if any. */
const ranges: [string, WrongAnswer, ErrorCode | undefined][] = [
  ['the range', { status: 206, headers: { 'content-range': 'bytes 100-199/1000' }, body: content.subarray(100, 200) }, undefined],
  [
    'the range, of an object of unknown length',
    { status: 206, headers: { 'content-range': 'bytes 100-199/*' }, body: content.subarray(100, 200) },
    undefined,
  ],
  ['the range, whose place is not shown to a page', { status: 206, body: content.subarray(100, 200) }, undefined],
  ['the whole object', { status: 200, body: content }, undefined],
  ['an object without end', { status: 200, tail: 'on' }, undefined],
  ['another range', { status: 206, ...part('0-99/1000', 100) }, 'UNREACHABLE'],
  ['a longer range', { status: 206, ...part('100-299/1000', 200) }, 'UNREACHABLE'],
  ['more bytes than its range', { status: 206, ...part('100-199/1000', 150) }, 'UNREACHABLE'],
  ['fewer bytes than its range', { status: 206, ...part('100-199/1000', 50) }, 'UNREACHABLE'],
  ['several ranges', { status: 206, ...part('100-199,300-399/1000', 100) }, 'UNREACHABLE'],
  ['a page', { status: 200, ...html }, 'UNREACHABLE'],
  ['the end of the object', { status: 206, ...part('100-149/150', 50) }, 'INTEGRITY'],
  ['a whole object that ends before', { status: 200, body: content.subarray(0, 150) }, 'INTEGRITY'],
  ['416', { status: 416 }, 'INTEGRITY'],
  ['404', { status: 404 }, 'NOT_FOUND'],
];

test('R-HTTP-3: a range has the requested bytes, also from a server that ignores ranges, and no further bytes are read', async (t) => {
  let answer: WrongAnswer = { status: 500 };
  const { url } = await serve(t, new Map(), { answer: () => answer });
  const source = new HttpSource(new URL(url), { fetch });
  for (const [title, given, code] of ranges) {
    answer = given;
    const get = () => source.get(PACK, { range: { start: 100, end: 200 } });
    const proper = given.tail === 'on' ? Buffer.alloc(100, 'x') : Buffer.from(content.subarray(100, 200));
    if (code === undefined) t.deepEqual(Buffer.from(await get()), proper, title);
    else await rejects(t, get, code, title);
  }
});

test('R-S3-9: a request that moves too few bytes in a window ends', async (t) => {
  const slow = watchRate(undefined, 30);
  slow.onBytes(0);
  await new Promise((resolve) => slow.signal.addEventListener('abort', resolve));
  t.true(slow.isStalled());
  slow.end();
  const cancelled = watchRate(AbortSignal.abort());
  t.true(cancelled.signal.aborted);
  t.false(cancelled.isStalled());
  cancelled.end();
});

test('a signal ends a request with CANCELLED', async (t) => {
  const { url } = await serve(t, new Map(), { answer: () => ({ status: 200, tail: { everyMs: 10, bytes: 1 } }) });
  const signal = AbortSignal.timeout(50);
  await rejects(t, () => new HttpSource(new URL(url), { fetch }).read('refs/main', { signal }), 'CANCELLED');
});

test('a request without an answer is UNREACHABLE, and is retried', async (t) => {
  let failures = 1;
  const { url } = await serve(t, await frozen(), { answer: () => (failures-- > 0 ? { status: 503 } : undefined) });
  t.true(await openReader({ url }).session('main').exists());
  const nobody = new HttpSource(new URL('http://127.0.0.1:1/?key=secret'), { fetch });
  const { message } = await rejects(t, () => nobody.read('refs/main'), 'UNREACHABLE');
  t.notRegex(message, /secret/);
});

/** Reads the head of main from a store in which one name has other bytes. */
async function contentOf(place: Place): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const version = await openReader({ url: place.url }).session('main').version();
  for await (const { path, bytes } of version.readAll()) found.set(path, Buffer.from(bytes).toString('hex'));
  for (const file of version.files) found.set(`${file.path} `, `${file.kind} ${file.mode} ${file.mtime}`);
  return found;
}

test('bytes that are flipped are INTEGRITY or unused, in every object that a version needs: never other content', async (t) => {
  const place = await serve(t, await frozen());
  const proper = await contentOf(place);
  const needed = new Set(place.requests);
  t.true([...needed].some((name) => name.includes('/packs/')));
  for (const name of needed) {
    const whole = place.names.get(name) as Uint8Array;
    // The marks of a cell in S3 do not belong to the value. No reader reads the last bytes of a
    // pack.
    const first = name.endsWith('~') ? 64 : 0;
    let rejections = 0;
    const step = Math.max(1, Math.floor((whole.length - first) / 24));
    const offsets = Array.from({ length: Math.ceil((whole.length - first) / step) }, (_, i) => first + i * step);
    for (const at of offsets) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      place.names.set(name, flipped);
      const found = await contentOf(place).catch((error: { code: string }) => error);
      if (found instanceof Map) t.deepEqual(found, proper, `${name} ${at}`);
      else t.is(found.code, 'INTEGRITY', `${name} ${at}`);
      rejections += Number(!(found instanceof Map));
    }
    if (name.includes('/packs/')) t.true(rejections > 0, name);
    else t.is(rejections, offsets.length, name);
    place.names.set(name, whole);
  }
});

test('an object instead of another is INTEGRITY: a ref, a manifest, a pack', async (t) => {
  const place = await serve(t, await frozen());
  const { names, requests } = place;
  await contentOf(place);
  const needed = [...new Set(requests)];
  for (const [kind, other] of [
    ['/refs/', 'default/.store/refs/fork~'],
    ['/manifests/', undefined],
    ['/packs/', undefined],
  ] as const) {
    const name = needed.find((each) => each.includes(kind));
    if (name === undefined) continue;
    const proper = names.get(name) as Uint8Array;
    const substitute = other ?? [...names.keys()].find((each) => each.includes(kind) && each !== name);
    names.set(name, names.get(substitute as string) as Uint8Array);
    await rejected(t, contentOf(place), 'INTEGRITY', kind);
    names.set(name, proper);
  }
});

test('R-GC-2: what is missing is damage while the ref is the same; if it moved, HEAD is read anew, and an open version is CONFLICT', async (t) => {
  const provider = memoryProvider();
  const { folder, session } = await freshStore(t, provider);
  const profile = join(folder, 'profile');
  mkdirSync(profile);
  const commit = async (text: string): Promise<{ id: string; names: Map<string, Uint8Array> }> => {
    writeFileSync(join(profile, 'a'), text);
    const id = (await session.commit(profile)).commit;
    return { id, names: await namesOf(provider, 's3', 'tester/') };
  };
  const before = await commit('before');
  const after = await commit('after');
  const old = [...before.names.keys()].filter((name) => !/refs|config|gc/.test(name));
  let isMoved = false;
  const gone = (name: string): WrongAnswer | undefined => {
    const isGone = old.includes(name);
    if (isGone && isMoved) place.names.set('tester/.store/refs/main~', after.names.get('tester/.store/refs/main~') as Uint8Array);
    return isGone && isCollected ? { status: 404 } : undefined;
  };
  let isCollected = false;
  const place = await serve(t, new Map([...after.names, ...before.names]), { answer: gone });
  const read = openReader({ url: place.url, userId: 'tester' }).session('main');
  const version = await read.version();
  t.is(version.entry.commit, before.id);
  isCollected = true;
  const { details } = await rejected(t, version.read('a'), 'INTEGRITY');
  t.regex(String(details['key']), /^packs\//);
  await rejected(t, read.version(), 'INTEGRITY');
  isMoved = true;
  t.is((await read.version()).entry.commit, after.id);
  await rejected(t, version.read('a'), 'CONFLICT');
});

test('R-SYNC-7: a ref that is older than one that was read before is INTEGRITY, not the newest version', async (t) => {
  const provider = memoryProvider();
  const { folder, session } = await freshStore(t, provider);
  const profile = join(folder, 'profile');
  mkdirSync(profile);
  writeFileSync(join(profile, 'a'), 'before');
  await session.commit(profile);
  const before = await namesOf(provider, 's3', 'tester/');
  writeFileSync(join(profile, 'a'), 'after');
  const { commit } = await session.commit(profile);
  const place = await serve(t, await namesOf(provider, 's3', 'tester/'));
  const read = openReader({ url: place.url, userId: 'tester' }).session('main');
  t.is((await read.resolve('HEAD')).commit, commit);
  place.names.set('tester/.store/refs/main~', before.get('tester/.store/refs/main~') as Uint8Array);
  const { hint } = await rejected(t, read.resolve('HEAD'), 'INTEGRITY');
  t.regex(String(hint), /cache/);
});

test('R-REF-1: a history that continues in segments is read whole, and its oldest version too', async (t) => {
  const provider = memoryProvider();
  const { folder, session } = await freshStore(t, provider);
  const profile = join(folder, 'profile');
  mkdirSync(profile);
  writeFileSync(join(profile, 'a'), 'oldest');
  await session.commit(profile);
  for (let i = 0; i < 100; i++) await session.rollback('HEAD');
  const wanted = await history(session);
  const { url, names, requests } = await serve(t, await namesOf(provider, 'gcs', 'tester/'));
  const read = openReader({ url, userId: 'tester' }).session('main');
  const found: string[] = [];
  for await (const { commit } of read.log()) found.push(commit);
  t.is(found.length, 101);
  t.deepEqual(found, wanted);
  const oldest = await read.version({ at: wanted.at(-1) as string });
  t.is(Buffer.from(await oldest.read('a')).toString(), 'oldest');
  const segment = requests.find((name) => name.includes('/segments/')) as string;
  names.delete(segment);
  await rejected(
    t,
    openReader({ url, userId: 'tester' })
      .session('main')
      .version({ at: wanted.at(-1) as string }),
    'INTEGRITY',
  );
});

/**
 * Writes that are acknowledged with an ETag that proves nothing (R-S3-11, row C12). The next
 * operation finds missing objects, without another round trip.
 */
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { cellOf, won } from '../../../../src/provider/conformance/support.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { rejects } from '../../../support/errors.js';
import type { WrongAnswer } from '../../../support/faults/http-answers.js';
import { type S3Request, type S3Server, startS3Server } from '../../../support/servers/s3-server.js';

const foreign: WrongAnswer = { status: 200, headers: { etag: '"0123456789abcdef0123456789abcdef"' } };
const encrypted: WrongAnswer = { ...foreign, headers: { ...foreign.headers, 'x-amz-server-side-encryption': 'aws:kms' } };

/** Starts a server that sends this response to the puts with matching names. */
async function open(
  t: ExecutionContext,
  answer: WrongAnswer,
  names: RegExp,
  { applied, sample = 1 }: { applied: boolean; sample?: number },
): Promise<{ server: S3Server; provider: Provider; methods: () => string[] }> {
  const isMet = ({ method, name }: S3Request) => method === 'PUT' && names.test(name);
  const server = await startS3Server({ fault: (request) => (isMet(request) ? { answer, applied } : undefined) });
  let next = sample;
  const provider = s3Provider(server.options, { random: (length) => new Uint8Array(length).fill(next++) });
  t.teardown(async () => {
    await provider.close();
    await server.close();
  });
  return { server, provider, methods: () => server.requests.map(({ method }) => method).sort() };
}

test('C12: 200 with a foreign ETag to a put that stored nothing: the next swap is INTEGRITY and names it', async (t) => {
  const { provider } = await open(t, foreign, /^packs/, { applied: false });
  await provider.put('packs/a', utf8('one'));
  const error = await rejects(t, () => provider.swap('refs/a', utf8('ref'), null), 'INTEGRITY');
  t.regex(error.message, /acknowledged writes that it does not have: packs\/a \(3 bytes written, none found\)/);
  // The loss is reported once: a swap may name an object that was put again.
  await won(provider, 'refs/b', utf8('ref'), null);
});

test('C12: a put that stored other bytes is found too', async (t) => {
  const { server, provider } = await open(t, foreign, /^packs/, { applied: false });
  server.store.plant('packs/a', utf8('shorter or longer'));
  await provider.put('packs/a', utf8('one'));
  await rejects(t, () => provider.swap('refs/a', utf8('ref'), null), 'INTEGRITY');
});

test('C12: a foreign ETag to a complete put costs one HEAD, concurrent with the next request', async (t) => {
  const { provider, methods } = await open(t, foreign, /^packs/, { applied: true });
  await provider.put('packs/a', utf8('one'));
  await won(provider, 'refs/a', utf8('ref'), null);
  t.deepEqual(methods(), ['HEAD', 'PUT', 'PUT']);
});

test('C12: the HEAD is concurrent with the swap and costs no round trip', async (t) => {
  let arrived: () => void = () => undefined;
  const swapArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = await startS3Server({
    fault: async ({ method, name }) => {
      if (method === 'PUT' && name.startsWith('packs')) return { answer: foreign, applied: true };
      if (method === 'PUT') arrived();
      if (method === 'HEAD') await swapArrived;
      return undefined;
    },
  });
  const provider = s3Provider(server.options);
  t.teardown(async () => {
    await provider.close();
    await server.close();
  });
  await provider.put('packs/a', utf8('one'));
  await won(provider, 'refs/a', utf8('ref'), null);
  t.is(server.requests.length, 3);
});

test('C12: an ETag of a store that encrypts costs nothing, but for a sample', async (t) => {
  for (const [sample, expected] of [
    [1, ['PUT', 'PUT']],
    [0, ['HEAD', 'PUT', 'PUT']],
  ] as const) {
    const { provider, methods } = await open(t, encrypted, /^packs/, { applied: true, sample });
    await provider.put('packs/a', utf8('one'));
    await won(provider, 'refs/a', utf8('ref'), null);
    t.deepEqual(methods(), [...expected]);
  }
});

test('C12: 200 with a foreign ETag to a swap that stored nothing: the next read of the cell is INTEGRITY', async (t) => {
  for (const exists of [true, false]) {
    const { server, provider } = await open(t, foreign, /^refs\/a/, { applied: false });
    const version = exists ? await won(provider, 'refs/other', utf8('one'), null) : null;
    if (exists) server.store.plant('refs/a~', server.store.bytes('refs/other~'));
    await provider.swap('refs/a', utf8('two'), version);
    await rejects(t, () => provider.read('refs/a'), 'INTEGRITY');
    t.is(await provider.read('refs/a').then((cell) => cell !== undefined), exists);
  }
});

test('C12: a foreign ETag to a swap that took effect is proved by the next read', async (t) => {
  const { provider, methods } = await open(t, foreign, /^refs/, { applied: true });
  await provider.swap('refs/a', utf8('one'), null);
  t.deepEqual((await cellOf(provider, 'refs/a')).bytes, utf8('one'));
  t.deepEqual(methods(), ['GET', 'PUT']);
});

/**
 * Responses that Cloud Storage does not send, or that leave the outcome of a write unknown
 * (R-GCS-8, R-GCS-10). They are every status from 400 to 599 with every kind of body, and false
 * successes. These are rows A1 and C12, as in s3/answers.test.ts for S3.
 */
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import type { ErrorCode } from '../../../../src/base/errors.js';
import { cellOf, won } from '../../../../src/provider/conformance/support.js';
import { gcsProvider } from '../../../../src/provider/gcs/gcs.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { retrying } from '../../../../src/provider/wrap/retry.js';
import { rejects } from '../../../support/errors.js';
import { bodies, HTML, type WrongAnswer } from '../../../support/faults/http-answers.js';
import { type GcsFault, type GcsServer, startGcsServer } from '../../../support/servers/gcs-server.js';

interface World {
  server: GcsServer;
  provider: Provider;
  /** Affects only the next request of that method. */
  next(method: string, fault: GcsFault): void;
  /** Affects every request. */
  always(fault: GcsFault): void;
}

async function open(t: ExecutionContext): Promise<World> {
  const server = await startGcsServer();
  const provider = gcsProvider({ bucket: 'bucket', endpoint: server.url });
  t.teardown(async () => {
    await provider.close();
    await server.close();
  });
  const next: World['next'] = (method, fault) => {
    server.fault = (request) => {
      if (request.method !== method) return undefined;
      server.fault = undefined;
      return fault;
    };
  };
  const always: World['always'] = (fault) => {
    server.fault = () => fault;
  };
  return { server, provider, next, always };
}

const document = (status: number, reason: string): WrongAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error: { code: status, message: 'as the test asked', errors: [{ reason, message: 'as the test asked' }] } }),
});

const kinds: Record<string, (status: number) => WrongAnswer> = {
  ...Object.fromEntries(Object.entries(bodies).map(([kind, body]) => [kind, (status: number) => ({ status, ...body })])),
  'a document with an unknown reason': (status) => document(status, 'somethingElse'),
};
const statuses = Array.from({ length: 200 }, (_, i) => 400 + i);
const rotated = statuses.map((status) => Object.values(kinds)[status % 4]?.(status) as WrongAnswer);

for (const [kind, answerOf] of Object.entries(kinds)) {
  test(`A1: 400 to 599 with ${kind}: a swap that took effect has won, one that did not is UNREACHABLE`, async (t) => {
    const { provider, next } = await open(t);
    let version = await won(provider, 'refs/a', utf8('first'), null);
    for (const status of statuses) {
      next('POST', { answer: answerOf(status), applied: true });
      version = await won(provider, 'refs/a', utf8(`${status}`), version);
      next('POST', { answer: answerOf(status), applied: false });
      const error = await rejects(t, () => provider.swap('refs/a', utf8('not applied'), version), 'UNREACHABLE', `${status}`);
      t.regex(error.message, /whether it took effect is unknown/);
    }
    t.deepEqual(await cellOf(provider, 'refs/a'), { bytes: utf8('599'), version });
  });
}

test('A1: 400 to 599: a swap that lost to another before never wins; one that creates has won', async (t) => {
  const { provider, next } = await open(t);
  let version = await won(provider, 'refs/a', utf8('first'), null);
  for (const answer of rotated) {
    const before = version;
    version = await won(provider, 'refs/a', utf8('another'), version);
    next('POST', { answer, applied: true });
    await rejects(t, () => provider.swap('refs/a', utf8('late'), before), 'UNREACHABLE', `${answer.status}`);
    next('POST', { answer, applied: true });
    await won(provider, `refs/${answer.status}`, utf8('new'), null);
  }
  t.deepEqual(await cellOf(provider, 'refs/a'), { bytes: utf8('another'), version });
});

test('A1: 400 to 599: a put and a delete are requested again, whether they took effect or not', async (t) => {
  const { provider, next } = await open(t);
  const patient = retrying(provider, { random: () => 0, maxRetries: 1, retryDelayMs: 0 });
  for (const answer of rotated) {
    for (const applied of [true, false]) {
      const key = `packs/${answer.status}-${applied}`;
      next('POST', { answer, applied });
      await patient.put(key, utf8(key));
      if (answer.status % 3 === 0) continue;
      next('DELETE', { answer, applied });
      await patient.delete(key);
    }
  }
  t.is((await list(provider)).length, 2 * statuses.filter((status) => status % 3 === 0).length);
});

const list = async (provider: Provider): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of provider.list('')) found.push(key);
  return found;
};

const reads: Record<string, (provider: Provider) => Promise<unknown>> = {
  get: (provider) => provider.get('packs/a'),
  'get of a range': (provider) => provider.get('packs/a', { range: { start: 0, end: 2 } }),
  read: (provider) => provider.read('refs/a'),
  list,
};

test('A1: 400 to 599: reads are UNREACHABLE, never absence and never an empty store', async (t) => {
  const { provider, always } = await open(t);
  for (const answer of rotated) {
    always({ answer, applied: false });
    for (const [name, read] of Object.entries(reads)) {
      // The status is as clear as a reason.
      const code = answer.status === 401 && String(answer.body).includes('somethingElse') ? 'FORBIDDEN' : 'UNREACHABLE';
      await rejects(t, () => read(provider), code, `${name}: ${answer.status}`);
    }
  }
});

/**
 * Documents that prove that a write was rejected before it was applied. No read settles the write,
 * and the request is not repeated.
 */
const proofs: [status: number, reason: string, expected: ErrorCode | 'lost'][] = [
  [400, 'invalid', 'FORBIDDEN'],
  [401, 'authError', 'FORBIDDEN'],
  [403, 'forbidden', 'FORBIDDEN'],
  [403, 'insufficientPermissions', 'FORBIDDEN'],
  [403, 'retentionPolicyNotMet', 'FORBIDDEN'],
  [404, 'notFound', 'NOT_FOUND'],
  [412, 'conditionNotMet', 'lost'],
];

for (const [status, reason, expected] of proofs) {
  test(`A1: ${status} ${reason} proves that a swap had no effect: ${expected}`, async (t) => {
    const { server, provider, always } = await open(t);
    always({ answer: document(status, reason), applied: false });
    const swap = (): Promise<unknown> => provider.swap('refs/a', utf8('one'), null);
    if (expected === 'lost') t.is(await swap(), undefined);
    else await rejects(t, swap, expected);
    t.is(server.requests.length, 1);
  });
}

for (const [status, reason] of [
  [408, 'forbidden'],
  [409, 'conflict'],
  [429, 'rateLimitExceeded'],
  [403, 'userRateLimitExceeded'],
  [499, 'forbidden'],
  [500, 'forbidden'],
] as const) {
  test(`A1: ${status} ${reason} proves nothing`, async (t) => {
    const { provider, next } = await open(t);
    next('POST', { answer: document(status, reason), applied: true });
    await won(provider, 'refs/a', utf8('one'), null);
    next('POST', { answer: document(status, reason), applied: false });
    await rejects(t, () => provider.swap('refs/b', utf8('one'), null), 'UNREACHABLE');
  });
}

const generation = { 'x-goog-generation': '1790000000000001' };
const json = (value: unknown): WrongAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

/** False successes, for every request. */
const strangers: Record<string, WrongAnswer> = {
  '200 with a page of HTML': { status: 200, headers: { 'content-type': 'text/html' }, body: HTML },
  '206 with a page of HTML': { status: 206, headers: { 'content-type': 'text/html' }, body: HTML },
  '204': { status: 204 },
  '200 with nothing': { status: 200 },
  '200 with an empty object of JSON': json({}),
  '200 with null': json(null),
  '200 with the list of something else': json({ kind: 'storage#buckets' }),
  '200 about another object': json({ name: 'another', size: '3', generation: '17' }),
  '302 to a login': { status: 302, headers: { location: '/login' } },
  '304 that was not asked for': { status: 304 },
  '200 with a body without end': { status: 200, tail: 'on' },
  '200 that announces 2 GiB': { status: 200, headers: { 'content-length': `${2 ** 31}` }, tail: 'on' },
  '403 with a body without end': { status: 403, tail: 'on' },
};

for (const [what, answer] of Object.entries(strangers)) {
  test(`C12: ${what} is UNREACHABLE, with a hint at what answers there`, async (t) => {
    const { provider, always } = await open(t);
    always({ answer, applied: false });
    // A length above that of any object is reported as damage, and the body is not read.
    const isHuge = what.includes('GiB');
    for (const [name, read] of Object.entries(reads))
      await rejects(t, () => read(provider), isHuge && ['get', 'read'].includes(name) ? 'INTEGRITY' : 'UNREACHABLE', name);
    const put = await rejects(t, () => provider.put('packs/b', utf8('one')), 'UNREACHABLE');
    if (!what.includes('without end')) t.regex(put.hint ?? '', /a proxy, a captive portal/);
    await rejects(t, () => provider.swap('refs/b', utf8('one'), null), 'UNREACHABLE');
    // Cloud Storage sends this response to a delete.
    if (!['204', '200 with nothing'].includes(what)) await rejects(t, () => provider.delete('packs/b'), 'UNREACHABLE');
  });
}

/** Whole objects that are not the requested ones. */
const objects: Record<string, { answer: WrongAnswer; range?: { start: number; end: number } }> = {
  'of another range': {
    answer: { status: 206, headers: { ...generation, 'content-range': 'bytes 0-9/100' }, body: '0123456789' },
    range: { start: 10, end: 20 },
  },
  'in place of a range': { answer: { status: 200, headers: generation, body: '01234567890123456789' }, range: { start: 10, end: 20 } },
  'without an end in place of a range': {
    answer: { status: 206, headers: { ...generation, 'content-range': 'bytes 0-9/100' }, tail: 'on' },
    range: { start: 0, end: 10 },
  },
  'without a generation': { answer: { status: 200, body: 'x' } },
  'shorter than its length says': { answer: { status: 200, headers: generation, body: 'x', tail: 'cut' } },
};

for (const [what, { answer, range }] of Object.entries(objects)) {
  test(`C12: an object ${what} is UNREACHABLE`, async (t) => {
    const { provider, always } = await open(t);
    always({ answer, applied: false });
    await rejects(t, () => provider.get('packs/a', { range }), 'UNREACHABLE');
  });
}

const item = (name: string) => ({ name, size: '1', generation: '1' });

/** Pages of a list of `refs/`, and the code of the error. */
const pages: Record<string, readonly [object, 'UNREACHABLE' | 'INTEGRITY']> = {
  'with a name of another prefix': [{ items: [item('packs/a')] }, 'UNREACHABLE'],
  'that is sent again and again': [{ items: [item('refs/a~')], nextPageToken: 'a' }, 'INTEGRITY'],
};

for (const [what, [page, code]] of Object.entries(pages)) {
  test(`F10: a page of a list ${what} is ${code}`, async (t) => {
    const { provider, always } = await open(t);
    always({ answer: json({ kind: 'storage#objects', ...page }), applied: false });
    await rejects(
      t,
      async () => {
        for await (const _ of provider.list('refs/'));
      },
      code,
    );
  });
}

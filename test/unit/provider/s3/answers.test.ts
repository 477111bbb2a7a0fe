/**
 * Responses that S3 does not send, or that leave the outcome of a write unknown (R-S3-5, R-S3-9).
 * They are every status from 400 to 599 with every kind of body, and false successes. These are
 * rows A1 and C12 of the list of faults found in use. A new case is a line of a table.
 */
import { S3Client } from '@aws-sdk/client-s3';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import type { ErrorCode } from '../../../../src/base/errors.js';
import { cellOf, won } from '../../../../src/provider/conformance/support.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { retrying } from '../../../../src/provider/wrap/retry.js';
import { rejects } from '../../../support/errors.js';
import { bodies, HTML, type WrongAnswer } from '../../../support/faults/http-answers.js';
import { type Fault, type S3Request, type S3Server, startS3Server } from '../../../support/servers/s3-server.js';

interface World {
  server: S3Server;
  provider: Provider;
  /** The same provider, with one retry of failed requests. */
  patient: Provider;
  /** Affects only the next request of that method. */
  next(method: string, fault: Fault): void;
  /** Affects every request. */
  always(fault: Fault): void;
}

async function open(t: ExecutionContext): Promise<World> {
  let rule: (request: S3Request) => Fault = () => undefined;
  const server = await startS3Server({ fault: (request) => rule(request) });
  const provider = s3Provider(server.options);
  t.teardown(async () => {
    await provider.close();
    await server.close();
  });
  const next: World['next'] = (method, fault) => {
    rule = (request) => {
      if (request.method !== method) return undefined;
      rule = () => undefined;
      return fault;
    };
  };
  const always: World['always'] = (fault) => {
    rule = () => fault;
  };
  return { server, provider, patient: retrying(provider, { random: () => 0, maxRetries: 1, retryDelayMs: 0 }), next, always };
}

const list = async (provider: Provider): Promise<string[]> => {
  const found: string[] = [];
  for await (const { key } of provider.list('')) found.push(key);
  return found;
};

const document = (code: string): Omit<WrongAnswer, 'status'> => ({
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>as the test asked</Message></Error>`,
});

const kinds: Record<string, Omit<WrongAnswer, 'status'>> = { ...bodies, 'a document with an unknown code': document('SomethingElse') };
const statuses = Array.from({ length: 200 }, (_, i) => 400 + i);
/**
 * Each status with one of the kinds. A full table would be slow, and one line of code decides it.
 */
const rotated = statuses.map((status) => ({ status, ...Object.values(kinds)[status % 4] }));

for (const [kind, body] of Object.entries(kinds)) {
  test(`A1: 400 to 599 with ${kind}: a swap that took effect has won, one that did not is UNREACHABLE`, async (t) => {
    const { server, provider, next } = await open(t);
    let version = await won(provider, 'refs/a', utf8('first'), null);
    for (const status of statuses) {
      next('PUT', { answer: { status, ...body }, applied: true });
      version = await won(provider, 'refs/a', utf8(`${status}`), version);
      next('PUT', { answer: { status, ...body }, applied: false });
      const error = await rejects(t, () => provider.swap('refs/a', utf8('not applied'), version), 'UNREACHABLE', `${status}`);
      t.regex(error.message, /whether it took effect is unknown/);
    }
    t.deepEqual(await cellOf(provider, 'refs/a'), { bytes: utf8('599'), version });
    t.is(server.requests.length, 1 + 4 * statuses.length + 1);
  });
}

test('A1: 400 to 599: a swap that lost to another before has lost, and one that creates has won', async (t) => {
  const { provider, next } = await open(t);
  let version = await won(provider, 'refs/a', utf8('first'), null);
  for (const answer of rotated) {
    const before = version;
    version = await won(provider, 'refs/a', utf8('another'), version);
    next('PUT', { answer, applied: true });
    t.is(await provider.swap('refs/a', utf8('late'), before), undefined, `${answer.status}`);
    next('PUT', { answer, applied: true });
    await won(provider, `refs/${answer.status}`, utf8('new'), null);
  }
  t.deepEqual(await cellOf(provider, 'refs/a'), { bytes: utf8('another'), version });
});

test('A1: 400 to 599: a put and a delete are requested again, whether they took effect or not', async (t) => {
  const { server, patient, next } = await open(t);
  for (const answer of rotated) {
    for (const applied of [true, false]) {
      const key = `packs/${answer.status}-${applied}`;
      next('PUT', { answer, applied });
      await patient.put(key, utf8(key));
      if (answer.status % 3 === 0) continue;
      next('DELETE', { answer, applied });
      await patient.delete(key);
    }
  }
  t.is(server.store.names().length, 2 * statuses.filter((status) => status % 3 === 0).length);
});

test('A1: 400 to 599: reads are UNREACHABLE, never absence and never an empty store', async (t) => {
  const { provider, always } = await open(t);
  await provider.put('packs/a', utf8('one'));
  await provider.swap('refs/a', utf8('one'), null);
  for (const answer of rotated) {
    always({ answer, applied: false });
    await allUnreachable(t, provider, `${answer.status}`);
  }
});

const reads: Record<string, (provider: Provider) => Promise<unknown>> = {
  get: (provider) => provider.get('packs/a'),
  'get of a range': (provider) => provider.get('packs/a', { range: { start: 0, end: 2 } }),
  read: (provider) => provider.read('refs/a'),
  list,
};

/**
 * Asserts that every read fails with this code. If a hint is expected, it names the possible
 * senders of a response that is not from S3.
 */
async function allUnreachable(t: ExecutionContext, provider: Provider, what: string, hint?: RegExp): Promise<void> {
  for (const [name, read] of Object.entries(reads)) {
    const error = await rejects(t, () => read(provider), 'UNREACHABLE', `${name}: ${what}`);
    if (hint !== undefined) t.regex(error.hint ?? '', hint, `${name}: ${what}`);
  }
}

/**
 * S3 error documents that prove a write was rejected before it was applied. The provider sends one
 * request: no retry, and no read to find out whether the write was applied.
 */
const proofs: [status: number, code: string, expected: ErrorCode | 'lost'][] = [
  [400, 'ExpiredToken', 'FORBIDDEN'],
  [400, 'InvalidToken', 'FORBIDDEN'],
  [400, 'AuthorizationHeaderMalformed', 'FORBIDDEN'],
  [400, 'InvalidArgument', 'FORBIDDEN'],
  [403, 'AccessDenied', 'FORBIDDEN'],
  [403, 'InvalidAccessKeyId', 'FORBIDDEN'],
  [403, 'SignatureDoesNotMatch', 'FORBIDDEN'],
  [403, 'QuotaExceeded', 'NO_SPACE'],
  [404, 'NoSuchBucket', 'NOT_FOUND'],
  [404, 'NoSuchKey', 'lost'],
  [405, 'MethodNotAllowed', 'FORBIDDEN'],
  [412, 'PreconditionFailed', 'lost'],
  [501, 'NotImplemented', 'UNSUPPORTED'],
];

for (const [status, code, expected] of proofs) {
  test(`A1: ${status} ${code} proves that a swap had no effect: ${expected}`, async (t) => {
    const { server, provider, always } = await open(t);
    always({ answer: { status, ...document(code) }, applied: false });
    const swap = (): Promise<unknown> => provider.swap('refs/a', utf8('one'), null);
    if (expected === 'lost') t.is(await swap(), undefined);
    else await rejects(t, swap, expected);
    t.is(server.requests.length, 1);
  });
}

for (const [status, code] of [
  [408, 'AccessDenied'],
  [429, 'AccessDenied'],
  [499, 'AccessDenied'],
  [500, 'AccessDenied'],
  [400, 'RequestTimeout'],
  [409, 'OperationAborted'],
  [403, 'PreconditionFailed_'],
  [503, 'NotImplemented'],
] as const) {
  test(`A1: ${status} ${code} proves nothing`, async (t) => {
    const { provider, next } = await open(t);
    next('PUT', { answer: { status, ...document(code) }, applied: true });
    await won(provider, 'refs/a', utf8('one'), null);
    next('PUT', { answer: { status, ...document(code) }, applied: false });
    await rejects(t, () => provider.swap('refs/b', utf8('one'), null), 'UNREACHABLE');
  });
}

const emptyList = (name: string, prefix: string): string =>
  `<ListBucketResult><Name>${name}</Name><Prefix>${prefix}</Prefix><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>`;
const etag = { etag: '"0123456789abcdef0123456789abcdef"' };
const page = { headers: { 'content-type': 'text/html', ...etag }, body: HTML };

/** False successes, for every request. */
const strangers: Record<string, WrongAnswer> = {
  '200 with a page of HTML': { status: 200, headers: { 'content-type': 'text/html' }, body: HTML },
  '200 with a page of HTML that has an ETag': { status: 200, ...page },
  '206 with a page of HTML': { status: 206, ...page },
  '204': { status: 204 },
  '200 with nothing': { status: 200 },
  '200 with an error of S3': { status: 200, ...document('InternalError') },
  '202 with nothing': { status: 202, headers: etag },
  '302 to a login': { status: 302, headers: { location: '/login' } },
  '307 to another host': { status: 307, headers: { location: 'http://127.0.0.1:1/' }, body: HTML },
  '304 that was not asked for': { status: 304 },
  '200 with a body without end': { status: 200, headers: { 'content-type': 'text/plain', ...etag }, tail: 'on' },
  '403 with a body without end': { status: 403, tail: 'on' },
  '200 with a list that does not end': { status: 200, headers: etag, body: '<ListBucketResult><Name>profiles</Name>', tail: 'on' },
};

for (const [what, answer] of Object.entries(strangers)) {
  test(`C12: ${what} is UNREACHABLE, with a hint at what answers there`, async (t) => {
    const { provider, always } = await open(t);
    always({ answer, applied: false });
    await allUnreachable(t, provider, what);
    const hint = /a proxy, a captive portal/;
    t.regex((await rejects(t, () => list(provider), 'UNREACHABLE')).hint ?? '', hint);
    const put = await rejects(t, () => provider.put('packs/b', utf8('one')), 'UNREACHABLE');
    t.regex(put.hint ?? '', hint);
    t.true(put.hint?.includes(provider.url));
    await rejects(t, () => provider.swap('refs/b', utf8('one'), null), 'UNREACHABLE');
    // S3 or some stores send this response to a delete.
    if (!['204', '200 with nothing'].includes(what)) await rejects(t, () => provider.delete('packs/b'), 'UNREACHABLE');
  });
}

/** Whole lists of another bucket or prefix. */
const lists: Record<string, string> = {
  'of another bucket': emptyList('others', ''),
  'of another prefix': emptyList('profiles', 'other/'),
  'without a name': '<ListBucketResult><Prefix></Prefix><KeyCount>0</KeyCount></ListBucketResult>',
  'cut off': emptyList('profiles', '').slice(0, -8),
  'within another document': `<html>${emptyList('profiles', '')}</html>`,
};

for (const [what, body] of Object.entries(lists)) {
  test(`C12: a list ${what} is UNREACHABLE, and the store is not empty`, async (t) => {
    const { provider, always } = await open(t);
    always({ answer: { status: 200, headers: { 'content-type': 'application/xml' }, body }, applied: false });
    await rejects(t, () => list(provider), 'UNREACHABLE');
    always({ answer: { status: 200, body: emptyList('profiles', '') }, applied: false });
    t.deepEqual(await list(provider), []);
  });
}

/** Pages of a list of `refs/`: the rest of the document, and the code of the error. */
const pages: Record<string, readonly [string, 'UNREACHABLE' | 'INTEGRITY']> = {
  'with a name of another prefix': ['<Contents><Key>packs/a</Key><Size>1</Size></Contents>', 'UNREACHABLE'],
  'that is sent again and again': ['<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>', 'INTEGRITY'],
};

for (const [what, [body, code]] of Object.entries(pages)) {
  test(`F10: a page of a list ${what} is ${code}`, async (t) => {
    const { provider, always } = await open(t);
    const text = `<ListBucketResult><Name>profiles</Name><Prefix>refs/</Prefix>${body}</ListBucketResult>`;
    always({ answer: { status: 200, headers: { 'content-type': 'application/xml' }, body: text }, applied: false });
    await rejects(
      t,
      async () => {
        for await (const _ of provider.list('refs/'));
      },
      code,
    );
  });
}

/** Successful responses to a GET that are not reliably the requested bytes. */
const objects: Record<string, { answer: WrongAnswer; range?: { start: number; end: number } }> = {
  'of another range': {
    answer: { status: 206, headers: { ...etag, 'content-range': 'bytes 0-9/100' }, body: '0123456789' },
    range: { start: 10, end: 20 },
  },
  'of a longer range': {
    answer: { status: 206, headers: { ...etag, 'content-range': 'bytes 10-29/100' }, body: '01234567890123456789' },
    range: { start: 10, end: 20 },
  },
  'that is longer than its range': {
    answer: { status: 206, headers: { ...etag, 'content-range': 'bytes 10-19/100' }, body: '01234567890123456789' },
    range: { start: 10, end: 20 },
  },
  'in place of a range': { answer: { status: 200, headers: etag, body: '01234567890123456789' }, range: { start: 0, end: 10 } },
  'without an end in place of a range': {
    answer: { status: 206, headers: { ...etag, 'content-range': 'bytes 0-9/100' }, tail: 'on' },
    range: { start: 0, end: 10 },
  },
  'that a proxy compressed': { answer: { status: 200, headers: { ...etag, 'content-encoding': 'gzip' }, body: 'x' } },
  'whose ETag a proxy made weak': { answer: { status: 200, headers: { etag: 'W/"0123"' }, body: 'x' } },
  'shorter than its length says': { answer: { status: 200, headers: etag, body: 'x', tail: 'cut' } },
};

for (const [what, { answer, range }] of Object.entries(objects)) {
  test(`C12: an object ${what} is UNREACHABLE`, async (t) => {
    const { provider, always } = await open(t);
    always({ answer, applied: false });
    await rejects(t, () => provider.get('packs/a', { range }), 'UNREACHABLE');
  });
}

test('C12: the answers to a given client are checked in the same way', async (t) => {
  const { server, always } = await open(t);
  const { bucket, endpoint = '', credentials } = server.options;
  const client = new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true, ...(credentials && { credentials }) });
  t.teardown(() => client.destroy());
  const provider = s3Provider({ bucket, client });
  for (const what of ['200 with a page of HTML', '204', '200 with a body without end']) {
    always({ answer: strangers[what] as WrongAnswer, applied: false });
    await allUnreachable(t, provider, what);
    await rejects(t, () => provider.put('packs/b', utf8('one')), 'UNREACHABLE', what);
  }
});

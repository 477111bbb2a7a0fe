/** Sources of a reader: a bucket of S3 with a function that signs, and presigned addresses. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openStore } from '../../../src/index.js';
import { readOnly } from '../../../src/provider/http/read-only.js';
import { s3Source } from '../../../src/provider/http/s3.js';
import { s3Provider } from '../../../src/provider/s3/s3.js';
import type { S3Address } from '../../../src/reader/reader.js';
import { rejects } from '../../support/errors.js';
import { HTML, type WrongAnswer } from '../../support/faults/http-answers.js';
import { fakeHost } from '../../support/host.js';
import { frozen, openReader, rejected, serve } from '../../support/reader/place.js';
import { signer } from '../../support/reader/sign.js';
import { type S3Server, type S3ServerOptions, startS3Server } from '../../support/servers/s3-server.js';
import { temporary } from '../../support/temporary.js';

const credentials = { accessKeyId: 'tester', secretAccessKey: 'a secret' };

/** Returns a bucket with the sessions that the library pushed there. */
async function bucket(
  t: ExecutionContext,
  sessions: readonly string[],
  options: S3ServerOptions = {},
): Promise<{ server: S3Server; s3: S3Address }> {
  const server = await startS3Server(options);
  const folder = temporary(t);
  const remote = s3Provider({ ...server.options, prefix: 'team' });
  const store = await openStore({ home: join(folder, 'home'), remote, userId: 'ada', host: fakeHost('sources') });
  t.teardown(async () => {
    await store.close();
    await server.close();
  });
  const profile = join(folder, 'profile');
  mkdirSync(profile);
  for (const session of sessions) {
    writeFileSync(join(profile, 'a'), `of ${session}`);
    await store.session(session).commit(profile, { message: session });
    await store.session(session).push();
  }
  const { endpoint } = server.options;
  return { server, s3: { bucket: server.options.bucket, prefix: 'team', endpoint, pathStyle: true } };
}

test('R-S3-8: a bucket of S3 is listed page by page, and read, by requests that the caller signs', async (t) => {
  const names = Array.from({ length: 5 }, (_, i) => `work@${i}.example`);
  const { server, s3 } = await bucket(t, names, { pageSize: 2 });
  const reader = openReader({ s3, userId: 'ada', sign: signer(credentials) });
  const found: string[] = [];
  server.requests.length = 0;
  for await (const { session, message, commits } of reader.sessions()) found.push(`${session} ${message} ${commits}`);
  t.deepEqual(
    found,
    names.map((name) => `${name} ${name} 1`),
  );
  t.is(server.requests.filter(({ name }) => name === '').length, 3);
  for (const name of names) {
    server.requests.length = 0;
    const version = await reader.session(name).version();
    t.is(Buffer.from(await version.read('a')).toString(), `of ${name}`);
    // The requests are the ref, which carries the manifest, and one range.
    t.is(server.requests.length, 2);
  }
  await rejected(t, reader.session('other').version(), 'NOT_FOUND');
  await rejected(
    t,
    openReader({ s3, userId: 'ida', sign: signer(credentials) })
      .sessions()
      .next(),
    'NOT_FOUND',
  );
});

test('a signature that the store rejects is FORBIDDEN, one that fails says so, and no secret is in an error', async (t) => {
  const { s3 } = await bucket(t, ['work']);
  const wrong: [string, Parameters<typeof openReader>[0]['sign'], RegExp][] = [
    ['none', undefined, /403 AccessDenied/],
    ['a wrong key', signer({ ...credentials, secretAccessKey: 'another secret' }), /403 SignatureDoesNotMatch/],
    [
      'one that fails',
      () => {
        throw new Error('no token');
      },
      /`sign` failed: no token/,
    ],
  ];
  for (const [title, sign, message] of wrong) {
    const error = await rejected(t, openReader({ s3, userId: 'ada', sign }).session('work').exists(), 'FORBIDDEN', title);
    t.regex(error.message, message, title);
    t.truthy(error.hint, title);
    t.notRegex(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`, /secret/, title);
  }
});

/** Responses that are no lists. They would read as fewer sessions, or none. */
const lists: [string, WrongAnswer, 'UNREACHABLE' | 'INTEGRITY' | 'NOT_FOUND' | 'FORBIDDEN'][] = [
  ['a page of HTML', { status: 200, headers: { 'content-type': 'text/html' }, body: HTML }, 'UNREACHABLE'],
  ['a page of no type', { status: 200, body: HTML }, 'UNREACHABLE'],
  ['nothing', { status: 200 }, 'UNREACHABLE'],
  ['404 without a document', { status: 404 }, 'UNREACHABLE'],
  [
    'the end of a list is missing',
    { status: 200, body: listed('<Name>profiles</Name><Prefix>team/refs/</Prefix>').slice(0, -10) },
    'UNREACHABLE',
  ],
  ['the list of another bucket', { status: 200, body: listed('<Name>other</Name><Prefix>team/refs/</Prefix>') }, 'UNREACHABLE'],
  ['the list of another prefix', { status: 200, body: listed('<Name>profiles</Name><Prefix>other/</Prefix>') }, 'UNREACHABLE'],
  [
    'a page that does not say how to go on',
    { status: 200, body: listed('<Name>profiles</Name><Prefix>team/refs/</Prefix><IsTruncated>true</IsTruncated>') },
    'INTEGRITY',
  ],
  [
    'a page that goes on to itself',
    {
      status: 200,
      body: listed(
        '<Name>profiles</Name><Prefix>team/refs/</Prefix><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>',
      ),
    },
    'INTEGRITY',
  ],
  [
    'F10: names of another prefix',
    { status: 200, body: listed(`<Name>profiles</Name><Prefix>team/refs/</Prefix>${names('team/refs/a~', 'evil/refs/b~')}`) },
    'UNREACHABLE',
  ],
  ['no such bucket', { status: 404, body: '<Error><Code>NoSuchBucket</Code></Error>' }, 'NOT_FOUND'],
  ['a list that is forbidden', { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }, 'FORBIDDEN'],
  ['a list without end', { status: 200, tail: 'on' }, 'UNREACHABLE'],
];

function names(...keys: string[]): string {
  return keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('');
}

function listed(inside: string): string {
  return `<?xml version="1.0"?><ListBucketResult>${inside}</ListBucketResult>`;
}

test('R-S3-8: what is no whole list of that bucket and prefix is an error, never an empty store', async (t) => {
  let answer: WrongAnswer = { status: 500 };
  const { url } = await serve(t, new Map(), { answer: () => answer });
  const provider = readOnly(s3Source({ bucket: 'profiles', endpoint: new URL(url).origin, pathStyle: true }, { fetch }));
  const list = async (): Promise<number> => {
    let count = 0;
    for await (const _ of provider.list('team/refs/')) count++;
    return count;
  };
  for (const [title, given, code] of lists) {
    answer = given;
    await rejects(t, list, code, title);
  }
  answer = { status: 200, body: listed('<Name>profiles</Name><Prefix>team/refs/</Prefix><IsTruncated>false</IsTruncated>') };
  t.is(await list(), 0);
});

test('presigned addresses: `sign` is given each name, and its URL is requested, which no error shows', async (t) => {
  const place = await serve(t, await frozen(), {
    answer: (_, { url = '' }) => (url.includes('token=secret') ? undefined : { status: 403 }),
  });
  const keys: string[] = [];
  const sign = ({ key, method }: { key: string; method: string }): URL => {
    keys.push(`${method} ${key}`);
    return new URL(`${place.url}/${key}?token=secret`);
  };
  const reader = openReader({ url: 'https://profiles.example/', sign });
  t.is((await (await reader.session('main').version()).read('Local State')).length, 3000);
  t.is(keys[0], 'GET default/.store/refs/main~');
  t.deepEqual(
    keys,
    place.requests.map((name) => `GET ${name}`),
  );
  const { message, hint } = await rejected(t, reader.session('other').version(), 'NOT_FOUND');
  t.notRegex(`${message} ${hint}`, /secret|127/);
});

test('a query in the address goes with every request, and headers of `sign` are not sent to where a redirect leads', async (t) => {
  const place = await serve(t, await frozen(), {
    answer: (_, { url = '', headers }) => {
      if (!url.endsWith('?sas=secret')) return { status: 403 };
      return headers.authorization === undefined ? undefined : { status: 302, headers: { location: '/elsewhere' } };
    },
  });
  t.true(
    await openReader({ url: `${place.url}/?sas=secret` })
      .session('main')
      .exists(),
  );
  place.requests.length = 0;
  const reader = openReader({
    url: `${place.url}/?sas=secret`,
    sign: () => ({ headers: new Headers({ Authorization: 'Bearer secret' }) }),
  });
  const { message } = await rejected(t, reader.session('main').exists(), 'UNREACHABLE');
  t.regex(message, /answered 302/);
  t.notRegex(message, /secret/);
  t.false(place.requests.some((name) => name.includes('elsewhere')));
});

/** Pages that all continue with a new token, and the content of each. */
const endless: [string, (page: number) => string][] = [
  ['F10: pages without names', () => ''],
  ['F10: pages of new names', (page) => names(...Array.from({ length: 8192 }, (_, i) => `r/${page}-${i}~`))],
];

for (const [title, content] of endless) {
  test(`${title}: a list without an end is INTEGRITY`, async (t) => {
    let page = 0;
    const answer = async () => {
      const next = `<IsTruncated>true</IsTruncated><NextContinuationToken>t${++page}</NextContinuationToken>`;
      return new Response(listed(`<Name>profiles</Name><Prefix>r/</Prefix>${next}${content(page)}`));
    };
    const source = s3Source({ bucket: 'profiles', endpoint: 'https://a.example', pathStyle: true }, { fetch: answer });
    const { message } = await rejects(t, async () => {
      for await (const _ of source.list?.('r/') ?? []);
    });
    t.regex(message, /expected a list/);
  });
}

test('F10: references of XML to characters in a list are read, and others are no names', async (t) => {
  const keys = ['r/w&#x6f;rk~', 'r/&#100;&#x00065;~', 'r/&#x110000;~', 'r/&other;~'];
  const answer = async () => new Response(listed(`<Name>profiles</Name><Prefix>r/</Prefix>${names(...keys)}`));
  const source = s3Source({ bucket: 'profiles', endpoint: 'https://a.example', pathStyle: true }, { fetch: answer });
  const found: string[] = [];
  for await (const { key } of source.list?.('r/') ?? []) found.push(key);
  t.deepEqual(found, ['r/work', 'r/de']);
});

test('F12: a `sign` that returns no address and no headers is USAGE that says what it must return', async (t) => {
  for (const given of [undefined, null, 5, true]) {
    const sign = () => given as never;
    const error = await rejected(t, openReader({ url: 'https://a.example', sign }).session('work').exists(), 'USAGE', String(given));
    t.regex(error.message, /expected `sign` to return a URL or an object/);
    t.truthy(error.hint);
  }
});

/** Faulty swaps on S3: lost responses, errors of the store, conflicts, and the forms of ETags. */
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { cellOf, won } from '../../../../src/provider/conformance/support.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { rejects } from '../../../support/errors.js';
import { type Fault, type S3Request, type S3Server, type S3ServerOptions, startS3Server } from '../../../support/servers/s3-server.js';

const effectThenError: Fault = { failAfter: async () => undefined };

type Rule = (request: S3Request) => Fault | Promise<Fault>;

/** Starts a server whose faults begin on request. */
async function open(
  t: ExecutionContext,
  behavior: S3ServerOptions = {},
): Promise<{ server: S3Server; provider: Provider; faulty: (rule?: Rule) => void }> {
  let rule: Rule | undefined;
  const server = await startS3Server({ ...behavior, fault: (request) => rule?.(request) });
  const provider = s3Provider(server.options);
  t.teardown(async () => {
    await provider.close();
    await server.close();
  });
  return { server, provider, faulty: (next) => (rule = next) };
}

/** Returns a rule by which the fault affects only the first write. */
function firstWrite(fault: Fault | (() => Promise<Fault>)): Rule {
  let met = false;
  return ({ method }) => {
    if (met || method !== 'PUT') return undefined;
    met = true;
    return typeof fault === 'function' ? fault() : fault;
  };
}

test('R-S3-5: a swap that took effect before the store answered with an error has won', async (t) => {
  const { provider, faulty } = await open(t);
  faulty(firstWrite(effectThenError));
  const created = await won(provider, 'refs/a', utf8('one'), null);
  t.deepEqual(await cellOf(provider, 'refs/a'), { bytes: utf8('one'), version: created });
  faulty(firstWrite(effectThenError));
  const replaced = await won(provider, 'refs/a', utf8('two'), created);
  t.deepEqual(await cellOf(provider, 'refs/a'), { bytes: utf8('two'), version: replaced });
});

test('R-S3-5: a swap that was answered with an error has lost if another replaced it, with any number of followers', async (t) => {
  for (let followers = 1; followers <= 8; followers++) {
    const { provider, faulty } = await open(t);
    const first = await won(provider, 'refs/a', utf8('one'), null);
    faulty(
      firstWrite(async () => {
        let version = first;
        for (let i = 0; i < followers; i++) version = await won(provider, 'refs/a', utf8(`other ${i}`), version);
        return { code: 'InternalError' };
      }),
    );
    if (followers < 8) t.is(await provider.swap('refs/a', utf8('mine'), first), undefined, `${followers} followers`);
    else await rejects(t, () => provider.swap('refs/a', utf8('mine'), first), 'UNREACHABLE');
  }
});

test('R-S3-5: a swap has won although others followed before its error was answered; its version then loses', async (t) => {
  const { provider, faulty } = await open(t);
  const first = await won(provider, 'refs/a', utf8('one'), null);
  faulty(firstWrite({ failAfter: async () => await won(provider, 'refs/a', utf8('other'), (await cellOf(provider, 'refs/a')).version) }));
  const second = await won(provider, 'refs/a', utf8('mine'), first);
  t.is(await provider.swap('refs/a', utf8('late'), second), undefined);
  t.deepEqual((await cellOf(provider, 'refs/a')).bytes, utf8('other'));
  t.deepEqual(await provider.read('refs/a', { unless: second }), await cellOf(provider, 'refs/a'));
});

test('R-S3-5: a swap that an error kept from taking effect is UNREACHABLE while it could still', async (t) => {
  const { provider, faulty } = await open(t);
  const first = await won(provider, 'refs/a', utf8('one'), null);
  faulty(firstWrite({ code: 'InternalError' }));
  await rejects(t, () => provider.swap('refs/a', utf8('two'), first), 'UNREACHABLE');
  faulty(firstWrite({ code: 'SlowDown' }));
  await rejects(t, () => provider.swap('refs/new', utf8('two'), null), 'UNREACHABLE');
});

test('R-S3-5: a swap is UNREACHABLE if the cell cannot be read afterwards, with any error of the read', async (t) => {
  const { provider, faulty } = await open(t);
  faulty(({ method }) => (method === 'PUT' ? effectThenError : { code: 'AccessDenied' }));
  await rejects(t, () => provider.swap('refs/a', utf8('one'), null), 'UNREACHABLE');
});

test('R-S3-3: a write that conflicts with another one is retried, and decided by its condition', async (t) => {
  const { provider, faulty } = await open(t);
  const first = await won(provider, 'refs/a', utf8('one'), null);
  faulty(firstWrite({ code: 'ConditionalRequestConflict' }));
  const second = await won(provider, 'refs/a', utf8('two'), first);
  faulty(firstWrite({ code: 'ConditionalRequestConflict' }));
  t.is(await provider.swap('refs/a', utf8('three'), first), undefined);
  faulty(firstWrite({ code: 'ConditionalRequestConflict' }));
  await provider.put('packs/a', utf8('object'));
  t.deepEqual(await cellOf(provider, 'refs/a'), { bytes: utf8('two'), version: second });
});

test('R-S3-3: an endless conflict is UNREACHABLE', async (t) => {
  const { provider, faulty } = await open(t);
  faulty(({ method }) => (method === 'PUT' ? { code: 'ConditionalRequestConflict' } : undefined));
  await rejects(t, () => provider.swap('refs/a', utf8('one'), null), 'UNREACHABLE');
});

const writes = ({ requests }: S3Server): (string | undefined)[] =>
  requests.filter(({ method }) => method === 'PUT').map(({ headers }) => headers['if-match']);

test('R-S3-4: an ETag is sent as it was returned, and a swap is one request', async (t) => {
  const { provider, server } = await open(t);
  const first = await won(provider, 'refs/a', utf8('one'), null);
  const second = await won(provider, 'refs/a', utf8('two'), first);
  t.is(await provider.swap('refs/a', utf8('three'), first), undefined);
  await won(provider, 'refs/a', utf8('four'), second);
  t.is(server.requests.length, 4);
  t.true(writes(server).every((etag) => etag === undefined || /^"[0-9a-f]{32}"$/.test(etag)));
});

test('R-S3-4: a store that wants it bare is found out once', async (t) => {
  const { provider, server } = await open(t, { unquotedOnly: true });
  const first = await won(provider, 'refs/a', utf8('one'), null);
  const second = await won(provider, 'refs/a', utf8('two'), first);
  t.deepEqual(
    server.requests.map(({ method }) => method),
    ['PUT', 'PUT', 'GET', 'PUT'],
  );
  await won(provider, 'refs/a', utf8('three'), second);
  t.is(await provider.swap('refs/a', utf8('four'), second), undefined);
  t.is(server.requests.length, 6);
});

test('R-S3-4: the result of another process is tried first, and is only a hint', async (t) => {
  const { provider, server, faulty } = await open(t, { unquotedOnly: true });
  const first = await won(provider, 'refs/a', utf8('one'), null);
  const second = await provider.swap('refs/a', utf8('two'), first, { etagStyle: 'unquoted' });
  t.is(provider.etagStyle, 'unquoted');
  t.is(await provider.swap('refs/a', utf8('three'), first), undefined);
  t.is(server.requests.length, 3);
  const other = s3Provider(server.options);
  t.teardown(() => other.close());
  faulty(({ method, headers }) => (method === 'PUT' && !headers['if-match']?.startsWith('"') ? { code: 'PreconditionFailed' } : undefined));
  await rejects(t, () => other.swap('refs/a', utf8('three'), second as string, { etagStyle: 'unquoted' }), 'UNSUPPORTED');
  t.deepEqual(
    writes(server)
      .slice(-2)
      .map((etag) => etag?.startsWith('"')),
    [false, true],
  );
});

test('R-S3-4: a store that accepts neither form is UNSUPPORTED', async (t) => {
  const { provider, faulty } = await open(t);
  const first = await won(provider, 'refs/a', utf8('one'), null);
  faulty(({ method }) => (method === 'PUT' ? { code: 'PreconditionFailed' } : undefined));
  await rejects(t, () => provider.swap('refs/a', utf8('two'), first), 'UNSUPPORTED');
});

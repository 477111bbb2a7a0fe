/** Pushes to a faulty bucket: expired credentials, lost responses, and writes that are not kept. */
import test, { type ExecutionContext } from 'ava';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { retrying } from '../../../../src/provider/wrap/retry.js';
import { rejects } from '../../../support/errors.js';
import { bodies, type WrongAnswer } from '../../../support/faults/http-answers.js';
import { readListing } from '../../../support/profile.js';
import { type Fault, type S3Request, type S3Server, startS3Server } from '../../../support/servers/s3-server.js';
import { type Machine, machine, reopened } from '../../../support/sync/machines.js';

type Rule = (request: S3Request, count: number) => Fault;

/** Starts a server whose faults begin on request, and are counted from then on. */
async function serve(t: ExecutionContext): Promise<{ server: S3Server; open: () => Provider; faulty: (rule?: Rule) => void }> {
  let rule: Rule | undefined;
  let count = 0;
  const server = await startS3Server({ fault: (request) => rule?.(request, ++count) });
  t.teardown(() => server.close());
  const open = (): Provider => {
    const provider = s3Provider(server.options);
    t.teardown(() => provider.close());
    return provider;
  };
  const faulty = (next?: Rule): void => {
    rule = next;
    count = 0;
  };
  return { server, open, faulty };
}

async function localHistory({ session }: Machine): Promise<string[]> {
  const ids: string[] = [];
  for await (const { commit } of session.log({ offline: true })) ids.push(commit);
  return ids;
}

async function isRestorable(t: ExecutionContext, remote: Provider, commit: string, listing: unknown): Promise<void> {
  const viewer = await machine(t, remote);
  const dir = viewer.directory();
  t.is((await viewer.session.checkout(dir)).commit, commit);
  t.deepEqual(readListing(dir), listing);
}

test('S4: credentials that expire at any request of a push are FORBIDDEN; the commit is safe, and new ones resume', async (t) => {
  for (let n = 1; ; n++) {
    const { open, faulty } = await serve(t);
    const actor = await machine(t, open());
    const dir = actor.profile();
    const { commit } = await actor.session.commit(dir);
    faulty((_request, count) => (count >= n ? { answer: expired, applied: false } : undefined));
    const failure: unknown = await actor.session.push().then(
      () => undefined,
      (error: unknown) => error,
    );
    faulty();
    if (failure === undefined) {
      t.true(n > 4);
      break;
    }
    t.like(failure, { code: 'FORBIDDEN' }, `request ${n}`);
    t.regex((failure as { hint: string }).hint, /renew them, then repeat the command/);
    const later = await reopened(actor, open());
    t.deepEqual(await localHistory(later), [commit]);
    await later.session.push();
    await isRestorable(t, open(), commit, readListing(dir));
  }
});

const expired: WrongAnswer = {
  status: 400,
  headers: { 'content-type': 'application/xml' },
  body: '<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>',
};

for (const status of [413, 499]) {
  test(`A1: a push is done if any one of its requests took effect and was answered ${status} with a page of HTML`, async (t) => {
    for (let n = 1, met = true; met; n++) {
      const { open, faulty } = await serve(t);
      const remote = retrying(open(), { random: () => 0, maxRetries: 1, retryDelayMs: 0 });
      const actor = await machine(t, remote);
      const dir = actor.profile();
      const { commit } = await actor.session.commit(dir);
      met = false;
      faulty((_request, count) => {
        if (count !== n) return undefined;
        met = true;
        return { answer: { status, ...bodies['a page of HTML'] }, applied: true };
      });
      await actor.session.push();
      faulty();
      await isRestorable(t, open(), commit, readListing(dir));
    }
  });
}

for (const [what, names] of Object.entries({ pack: /\/packs\//, manifest: /\/manifests\// })) {
  test(`C12: a push whose ${what} was acknowledged with a foreign ETag and not stored is INTEGRITY, and the next push mends it`, async (t) => {
    const { open, faulty } = await serve(t);
    const actor = await machine(t, open());
    const dir = actor.profile();
    const { commit } = await actor.session.commit(dir);
    const answer = { status: 200, headers: { etag: '"0123456789abcdef0123456789abcdef"' } };
    faulty(({ method, name }) => (method === 'PUT' && names.test(name) ? { answer, applied: false } : undefined));
    const error = await rejects(t, () => actor.session.push(), 'INTEGRITY');
    t.regex(error.message, /acknowledged writes that it does not have/);
    faulty();
    await (await reopened(actor, open())).session.push();
    await isRestorable(t, open(), commit, readListing(dir));
  });
}

test('C12: a captive portal is no empty remote: pull, push and the list of sessions are UNREACHABLE', async (t) => {
  const { open, faulty } = await serve(t);
  const actor = await machine(t, open());
  await actor.session.commit(actor.profile());
  await actor.session.push();
  faulty(() => ({ answer: { status: 200, ...bodies['a page of HTML'] }, applied: false }));
  const viewer = await machine(t, open());
  await rejects(t, () => viewer.session.checkout(viewer.directory()), 'UNREACHABLE');
  await rejects(t, () => viewer.store.verify({ on: 'remote' }), 'UNREACHABLE');
  await rejects(
    t,
    async () => {
      for await (const session of viewer.store.sessions()) t.fail(JSON.stringify(session));
    },
    'UNREACHABLE',
  );
});

test('C16: a bucket that does not exist is NOT_FOUND, from every operation, and the commit is in the local store', async (t) => {
  const { server } = await serve(t);
  const remote = s3Provider({ ...server.options, bucket: 'nowhere' });
  t.teardown(() => remote.close());
  const actor = await machine(t, remote);
  const { commit } = await actor.session.commit(actor.profile());
  const error = await rejects(t, () => actor.session.push(), 'NOT_FOUND');
  t.regex(error.message, /nowhere: NoSuchBucket/);
  t.regex(error.hint ?? '', /never creates a bucket/);
  t.deepEqual(await localHistory(actor), [commit]);
});

/**
 * The conformance suite over a real S3 server, Ceph's RADOS Gateway. The tests fail if the gateway
 * does not start.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { memoryProvider, openStore } from '../../src/index.js';
import { providerSuite } from '../../src/provider/conformance/suite.js';
import type { Provider } from '../../src/provider/provider.js';
import { s3Provider } from '../../src/provider/s3/s3.js';
import { retrying } from '../../src/provider/wrap/retry.js';
import { scoped } from '../../src/provider/wrap/scoped.js';
import { noise } from '../support/content.js';
import { fakeHost } from '../support/host.js';
import { type Gateway, startGateway } from '../support/servers/radosgw.js';
import { temporary } from '../support/temporary.js';

let gateway: Gateway | undefined;
test.before(async () => {
  gateway = await startGateway();
});
test.after.always(() => gateway?.stop());

/** Number of cases so far, for a separate prefix in each case. */
let cases = 0;
const prefixes = new Map<Provider, string>();

function plain(prefix: string): Provider {
  if (gateway === undefined) throw new Error('the gateway did not start');
  return s3Provider({ ...gateway.options, prefix });
}

const subjects: Record<string, (prefix: string) => Provider> = {
  plain,
  'retrying, scoped': (prefix) => retrying(scoped(plain(prefix), 'me@example.org/.store'), { random: () => 0.5 }),
};

for (const [title, subject] of Object.entries(subjects)) {
  const open = async (): Promise<Provider> => {
    const prefix = `case-${cases++}`;
    const provider = subject(prefix);
    prefixes.set(provider, prefix);
    return provider;
  };
  const reopen = async (provider: Provider): Promise<Provider> => subject(prefixes.get(provider) as string);
  const suite = providerSuite(open, { reopen });
  // The cases run one after the other: they make their own load.
  for (const { name, run } of suite) test.serial(`${title}: ${name}`, (t) => t.notThrowsAsync(run));
  test.serial(`${title}: the suite has all its cases`, (t) => {
    t.log(`${suite.length} cases over RADOS Gateway, ${title}`);
    t.true(suite.length >= 60);
  });
}

test.serial('a collection on the gateway deletes the objects of a deleted session, and nothing else', async (t) => {
  const folder = temporary(t);
  const host = { ...fakeHost('collector'), defaultHome: () => join(folder, 'home') };
  const store = await openStore({ home: memoryProvider(), remote: plain('collected'), userId: 'tester', host });
  t.teardown(() => store.close());
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  for (const name of ['kept', 'gone']) {
    writeFileSync(join(dir, 'own'), noise(100_000, name));
    writeFileSync(join(dir, 'shared'), noise(100_000, 'shared'));
    await store.session(name).save(dir);
  }
  await store.session('gone').delete();
  const planned = await store.gc({ on: 'remote', dryRun: true });
  t.true(planned.deleted.objects >= 2);
  t.deepEqual(await store.gc({ on: 'remote' }), planned);
  t.is((await store.gc({ on: 'remote' })).deleted.objects, 0);
  t.deepEqual((await store.verify({ on: 'remote', readData: true })).findings, []);
  writeFileSync(join(dir, 'own'), 'changed');
  await store.session('kept').save(dir);
});

/**
 * The conformance suite over a real S3 server, Ceph's RADOS Gateway. The tests fail if the gateway
 * does not start.
 */
import test from 'ava';
import { providerSuite } from '../../src/provider/conformance/suite.js';
import type { Provider } from '../../src/provider/provider.js';
import { s3Provider } from '../../src/provider/s3/s3.js';
import { retrying } from '../../src/provider/wrap/retry.js';
import { scoped } from '../../src/provider/wrap/scoped.js';
import { type Gateway, startGateway } from '../support/servers/radosgw.js';

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

/**
 * The conformance suite over buckets of Cloud Storage, with the real SDK and a server of its API on
 * loopback (R-GCS-1 to R-GCS-7). The cases run one at a time, since each may have any number of
 * requests in progress.
 */
import test from 'ava';
import { providerSuite } from '../../../../src/provider/conformance/suite.js';
import { gcsProvider } from '../../../../src/provider/gcs/gcs.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { retrying } from '../../../../src/provider/wrap/retry.js';
import { scoped } from '../../../../src/provider/wrap/scoped.js';
import { startGcsServer } from '../../../support/servers/gcs-server.js';

const buckets = Array.from({ length: 1000 }, (_, i) => `bucket-${i}`);
const server = await startGcsServer({ buckets });
test.after.always(() => server.close());

const common = { endpoint: server.url, timeoutMs: 120_000 };

const subjects: Record<string, (bucket: string) => Provider> = {
  gcs: (bucket) => gcsProvider({ bucket, ...common }),
  'retrying over scoped gcs with a prefix': (bucket) =>
    retrying(scoped(gcsProvider({ bucket, prefix: 'team/profiles', ...common }), 'me@example.org/.store/'), { random: () => 0.5 }),
};

let used = 0;
for (const [title, make] of Object.entries(subjects)) {
  const opened = new Map<Provider, string>();
  const open = async (bucket: string): Promise<Provider> => {
    const provider = make(bucket);
    opened.set(provider, bucket);
    return provider;
  };
  const reopen = async (provider: Provider): Promise<Provider> => await open(opened.get(provider) as string);
  for (const { name, run } of providerSuite(() => open(buckets[used++] as string), { reopen })) {
    test.serial(`${title}: ${name}`, (t) => t.notThrowsAsync(run));
  }
}

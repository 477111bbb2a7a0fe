/**
 * The conformance suite over S3: the real SDK and the server for tests, with the settings of every
 * known kind of store.
 */
import test from 'ava';
import { providerSuite } from '../../../../src/provider/conformance/suite.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { retrying } from '../../../../src/provider/wrap/retry.js';
import { scoped } from '../../../../src/provider/wrap/scoped.js';
import { type S3Server, type S3ServerOptions, startS3Server } from '../../../support/servers/s3-server.js';

interface Subject {
  server?: S3ServerOptions;
  open?: (server: S3Server) => Provider;
}

const plain = ({ options }: S3Server): Provider => s3Provider(options);

const subjects: Record<string, Subject> = {
  'S3 (R-S3-1 to R-S3-8)': {},
  'retrying over S3 that wants bare ETags, scoped below a prefix (R-S3-4)': {
    server: { unquotedOnly: true },
    open: ({ options }) => retrying(scoped(s3Provider({ ...options, prefix: 'a/team' }), 'me@example.org/.store'), { random: () => 0.5 }),
  },
};

for (const [title, { server: behavior = {}, open: of = plain }] of Object.entries(subjects)) {
  const servers = new Map<Provider, S3Server>();
  test.after.always(() => Promise.all([...servers.values()].map((server) => server.close())));
  const open = async (): Promise<Provider> => {
    const server = await startS3Server(behavior);
    const provider = of(server);
    servers.set(provider, server);
    return provider;
  };
  const reopen = async (provider: Provider): Promise<Provider> => of(servers.get(provider) as S3Server);
  for (const { name, run } of providerSuite(open, { reopen })) test.serial(`${title}: ${name}`, (t) => t.notThrowsAsync(run));
}

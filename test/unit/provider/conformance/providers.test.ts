/**
 * The conformance suite over every provider that needs no server, and over the transparent
 * decorators.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { providerSuite } from '../../../../src/provider/conformance/suite.js';
import { localProvider } from '../../../../src/provider/local/local.js';
import { memoryProvider } from '../../../../src/provider/memory.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { scoped } from '../../../../src/provider/wrap/scoped.js';
import { counting, latency } from '../../../support/faults/providers.js';
import { host } from '../../../support/provider/folders.js';

const PREFIX = 'me@example.org/.store/';

interface Subject {
  open(folder: string): Provider;
  durable?: boolean;
}

const subjects: Record<string, Subject> = {
  memory: { open: () => memoryProvider() },
  'memory without conditional reads': { open: () => memoryProvider({ conditionalRead: false }) },
  local: { open: (folder) => localProvider(`${folder}/not/yet/there`, host), durable: true },
  'scoped memory': { open: () => scoped(memoryProvider(), PREFIX) },
  'scoped local with generations of 3': {
    open: (folder) => scoped(localProvider(folder, host, { entriesPerGeneration: 3 }), PREFIX),
    durable: true,
  },
  'counting memory': { open: () => counting(memoryProvider()) },
  'latency over memory': { open: () => latency(memoryProvider()) },
};

const root = await mkdtemp(join(tmpdir(), 'browserstate-conformance-'));
test.after.always(() => rm(root, { recursive: true, force: true }));

for (const [title, subject] of Object.entries(subjects)) {
  const folders = new Map<Provider, string>();
  const open = async (): Promise<Provider> => {
    const folder = join(root, title.replaceAll(' ', '-'), String(folders.size));
    const provider = subject.open(folder);
    folders.set(provider, folder);
    return provider;
  };
  const reopen = async (provider: Provider): Promise<Provider> => subject.open(folders.get(provider) as string);
  for (const { name, run } of providerSuite(open, subject.durable === true ? { reopen } : {})) {
    test(`${title}: ${name}`, (t) => t.notThrowsAsync(run));
  }
}

test('the suite has 60 cases or more, each with a unique name', (t) => {
  const names = providerSuite(async () => memoryProvider()).map((each) => each.name);
  t.true(names.length >= 60);
  t.is(new Set(names).size, names.length);
});

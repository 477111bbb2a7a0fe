/** `verify`: checks a store for damage. */
import type { CheckResult } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { on } from '../args/options.js';
import { exitStatus } from '../failure.js';
import { type Line, styled } from '../output/lines.js';
import { count, size } from '../output/text.js';

export const verify = defineCommand({
  usage: 'verify',
  summary: 'Check that all objects of a store exist and are undamaged.',
  details: `Nothing is repaired. The exit status is ${exitStatus.INTEGRITY} if damage is found.`,
  positionals: {},
  options: {
    'read-data': { type: 'boolean', describe: 'Read and check all data, not only the metadata' },
    ...on,
  },
  examples: [
    ['verify', 'Check names, sizes and references quickly'],
    ['verify --read-data', 'Check every byte'],
    ['verify --on remote --json', 'Check the remote; print JSON'],
  ],
  async run(context, { readData, on }) {
    if (on === 'remote') context.requireRemote();
    const { report, signal } = context;
    const onProgress = (done: number, total: number) => report.progress({ label: 'checking', done, total, unit: 'objects' });
    const store = await context.store();
    const result = await store.verify({ on, readData, signal, onProgress });
    report.result(result, () => describe(result));
    if (result.findings.length > 0) context.status = exitStatus.INTEGRITY;
  },
});

function describe({ findings, sessions, commits, objects, unreferenced, bytesRead }: CheckResult): Line[] {
  const total = Object.values(objects).reduce((sum, each) => sum + each, 0);
  const lines: Line[] = findings.map(({ key, message, sessions }) => [
    styled('red', key),
    `: ${message}`,
    ...(sessions.length > 0 ? [styled('dim', ` (needed by ${sessions.join(', ')})`)] : []),
  ]);
  const read = bytesRead > 0 ? `, ${size(bytesRead)} read` : '';
  lines.push([`checked ${count(sessions, 'session')}, ${count(commits, 'commit')}, ${count(total, 'object')}${read}`]);
  const readers = findings.length === 0 ? 'any session' : 'the readable part of the sessions';
  if (unreferenced > 0) lines.push([styled('dim', `${count(unreferenced, 'object')} not needed by ${readers}`)]);
  lines.push([findings.length === 0 ? styled('green', 'no damage found') : styled('red', `${count(findings.length, 'finding')}`)]);
  return lines;
}

/** The commands as data: which of them accept the options about the remote. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type Command, commandName } from '../../../cli/args/command.js';

const folder = new URL('../../../cli/commands/', import.meta.url);

/** Returns the commands by name. */
async function commands(): Promise<Map<string, Command>> {
  const files = readdirSync(fileURLToPath(folder)).filter((name) => name.endsWith('.js'));
  const modules = await Promise.all(files.map(async (name) => (await import(new URL(name, folder).href)) as Record<string, unknown>));
  const isCommand = (value: unknown): value is Command => typeof value === 'object' && value !== null && 'usage' in value;
  const found = modules.flatMap((module) => Object.values(module).filter(isCommand));
  return new Map(found.map((command) => [commandName(command), command]));
}

/**
 * The accepted options of each command. `no-push`: the remote gets nothing, and may be read.
 * `offline`: the remote is not contacted. A command has both if it changes a session and may have
 * to read the remote first.
 */
const accepted: Readonly<Record<string, readonly ('no-push' | 'offline')[]>> = {
  snapshot: ['no-push'],
  rollback: ['no-push', 'offline'],
  fork: ['no-push', 'offline'],
  tag: ['no-push', 'offline'],
  delete: ['no-push'],
  restore: ['offline'],
  run: ['offline'],
  log: ['offline'],
  diff: ['offline'],
  status: ['offline'],
  sessions: ['offline'],
  recover: ['offline'],
};

test('--no-push and --offline are options of the commands for which they mean something', async (t) => {
  const found = await commands();
  t.true(found.size >= 20);
  for (const [name, { options }] of found) {
    const names = Object.keys(options).filter((option) => option === 'no-push' || option === 'offline');
    // `open` has the options of `run`.
    t.deepEqual(names, [...(accepted[name === 'open' ? 'run' : name] ?? [])], name);
  }
});

test('neither is another name of the other', async (t) => {
  for (const [name, { options }] of await commands()) {
    for (const option of ['no-push', 'offline']) t.is(options[option]?.alias, undefined, `${name} --${option}`);
  }
});

/** The examples in the help of every command. They succeed as printed, except for addresses. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Command } from '../../../cli/args/command.js';
import { systemHost } from '../../../src/base/host.js';
import { openStore } from '../../../src/index.js';
import { root } from '../../support/docs/blocks.js';
import { Story } from '../../support/docs/story.js';

const files = readdirSync(`${root}dist/cli/commands`).filter((name) => name.endsWith('.js'));
const modules = await Promise.all(
  files.map((file) => import(`${root}dist/cli/commands/${file}`) as Promise<Record<string, Partial<Command>>>),
);
const examples = modules.flatMap((module) => Object.values(module)).flatMap((command) => command.examples ?? []);

const template = mkdtempSync(join(tmpdir(), 'browserstate-test-'));
test.after.always(() => rmSync(template, { recursive: true }));

/** Makes a home directory with two sessions, one of four commits, and a copy on a remote. */
test.before(async () => {
  const host = { ...systemHost, now: () => Date.parse('2026-11-20T09:00Z') };
  const places = { home: join(template, '.browserstate'), remote: `file://${template}/remote` };
  const store = await openStore({ ...places, host });
  for (const name of ['profile', 'DIR']) {
    mkdirSync(join(template, name, 'Default'), { recursive: true });
    writeFileSync(join(template, name, 'Local State'), '{}');
  }
  for (const [i, tag] of [undefined, undefined, 'good', undefined].entries()) {
    writeFileSync(join(template, 'profile/Default/Bookmarks'), String(i));
    await store.session('work').save(join(template, 'profile'), { message: String(i), ...(tag !== undefined && { tag }) });
  }
  await store.session('other').save(join(template, 'DIR'));
  await store.close();
  writeFileSync(join(template, 'bot.js'), 'process.exitCode = process.env.BROWSERSTATE_DIR ? 0 : 1;');
  mkdirSync(join(template, '.zfunc'));
  mkdirSync(join(template, 'bin'));
  writeFileSync(join(template, 'bot'), '#!/bin/sh\ntest -d "$1"\n', { mode: 0o755 });
});

const abandoned = 'work.0123456789ab';
/** Commands that run before the examples of a command. */
const before: Readonly<Record<string, readonly string[]>> = {
  open: ['mkdir -p chrome-linux64 && cp bin/chromium chrome-linux64/chrome'],
  delete: ['browserstate fork experiment -s work'],
  restore: ['rm -r profile DIR'],
  sessions: ['browserstate init --user alice'],
  migrate: ['rm -r .browserstate remote', 'mkdir -p remote/default/work && echo data > remote/default/work/Bookmarks'],
};

/** Runs a program that leaves an abandoned mount. Returns the id of the mount. */
async function abandon(story: Story): Promise<string> {
  const killed = `browserstate run -s work -- sh -c 'kill -9 $PPID' || true`;
  await story.play([{ lang: 'console', file: '', code: `$ ${killed}\n`, at: 'recover', section: '' }]);
  const [name = ''] = readdirSync(join(story.dir, '.browserstate/default/.store/workspaces'));
  return name;
}

for (const [example] of examples) {
  test(`browserstate ${example}`, async (t) => {
    const remote = 'file://DIR/remote';
    const replaced = { 's3://bucket/profiles?region=eu-central-1': remote, 's3://bucket/prefix': remote };
    const story = new Story(t, {
      replaced: { ...replaced, '/srv/profiles': 'DIR/srv', '/tmp/old': 'DIR/old' },
      programs: { chromium: 'exit 0', firefox: 'exit 0' },
    });
    cpSync(template, story.dir, { recursive: true, preserveTimestamps: true });
    const [name = ''] = example.split(' ');
    const settings = [`export BROWSERSTATE_REMOTE=file://${story.dir}/remote`, 'export SHELL=/bin/bash'];
    const play = async (...lines: string[]) =>
      story.play([{ lang: 'console', file: '', code: lines.map((line) => `$ ${line}\n`).join(''), at: 'examples', section: '' }]);
    await play(...settings, ...(before[name] ?? []));
    const found = name === 'recover' ? await abandon(story) : abandoned;
    await play(`browserstate ${example.replace(abandoned, found)}`);
  });
}

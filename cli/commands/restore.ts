/** `restore`: checks a version out into a directory. */
import { statSync } from 'node:fs';
import { defineCommand } from '../command.js';
import { styled } from '../lines.js';
import { at, dir, offline, session } from '../options.js';
import { count, shortId, size } from '../text.js';

export const restore = defineCommand({
  usage: 'restore <dir>',
  summary: 'Make a directory hold a version of a session.',
  details:
    'Where there is a remote, what is missing comes from there first. The directory may be absent, empty, or as a version of this store has it; any other is replaced with --force alone.',
  positionals: dir('Where to; made if it is absent'),
  options: {
    ...session,
    ...at,
    only: {
      type: 'array',
      string: true,
      requiresArg: true,
      describe: 'Only this file or directory, or what this glob names; may be given again',
    },
    force: { type: 'boolean', describe: 'Replace what the directory holds, whatever it is' },
    ...offline,
  },
  examples: [
    ['restore ~/profile -s work', 'The newest version'],
    ['restore /tmp/old -s work --at HEAD~1', 'The one before it'],
    ['restore DIR -s work --at @2026-11-20T10:00Z', 'As it was at that time'],
    ["restore DIR -s work --only 'Default/**'", 'One folder of it'],
    ['restore DIR -s work --offline', 'What is on this machine, without asking the remote'],
  ],
  async run(context, { session: id, dir, at, only, force, offline }) {
    const { report, signal } = context;
    const session = await context.session(id);
    const onWarning = (text: string): void => report.warn(text);
    const options = { at, only, force, keepDirectory: isCurrentDirectory(dir), offline, onWarning, signal };
    const { commit, files, bytes, fetchedBytes } = await session.restore(dir, options);
    report.result({ commit, files, bytes, fetchedBytes }, () => [
      [
        'restored ',
        styled('yellow', shortId(commit)),
        ` of ${id} into ${dir}: ${count(files, 'file')}, ${size(bytes)}`,
        fetchedBytes > 0 ? `; fetched ${size(fetchedBytes)}` : '',
      ],
    ]);
  },
});

/** Whether the shell is in that directory: one that took its place would leave the shell in a removed one. */
function isCurrentDirectory(dir: string): boolean {
  try {
    const [there, here] = [statSync(dir), statSync('.')];
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    // What cannot be looked at is told of when it is written.
    return false;
  }
}

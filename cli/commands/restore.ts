/** `restore`: checks a version out into a directory. */
import { statSync } from 'node:fs';
import { defineCommand } from '../args/command.js';
import { at, dir, offline, session } from '../args/options.js';
import { styled } from '../output/lines.js';
import { count, shortId, size } from '../output/text.js';

export const restore = defineCommand({
  usage: 'restore <dir>',
  summary: 'Write a version of a session to a directory.',
  details:
    'Missing data is fetched from the remote first. The directory may be absent, empty, or an unchanged version of this store. Replacing any other content requires --force.',
  positionals: dir('Target directory; created if it is absent'),
  options: {
    ...session,
    ...at,
    only: {
      type: 'array',
      string: true,
      requiresArg: true,
      describe: 'Restore only this path or glob (repeatable)',
    },
    force: { type: 'boolean', describe: 'Replace the content of the directory, whatever it is' },
    ...offline,
  },
  examples: [
    ['restore ~/profile -s work', 'Restore the newest version'],
    ['restore /tmp/old -s work --at HEAD~1', 'Restore the version before it'],
    ['restore DIR -s work --at @2026-11-20T10:00Z', 'Restore the version of that time'],
    ["restore DIR -s work --only 'Default/**'", 'Restore one folder'],
    ['restore DIR -s work --offline', 'Restore the newest local version'],
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

/**
 * Returns whether `dir` is the current directory. Replacing it would leave the shell in a removed
 * directory.
 */
function isCurrentDirectory(dir: string): boolean {
  try {
    const [there, here] = [statSync(dir), statSync('.')];
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    // The restore itself reports why the directory cannot be read.
    return false;
  }
}

/**
 * The main workflow, by the command line. It takes a snapshot of a profile, changes the profile,
 * and takes another snapshot. Then it shows the history, rolls back, restores elsewhere, and
 * compares every byte. `npm run quickstart` makes a profile, with Chromium if it is installed. `npm
 * run quickstart -- DIR` uses a copy of DIR.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium } from '../test/support/browser/find-chromium.js';
import { changeSynthetic, makeBase, makeSynthetic, smallRun } from './profiles.js';

const cli = fileURLToPath(new URL('../lib/cli.js', import.meta.url));
const place = mkdtempSync(join(tmpdir(), 'browserstate-quickstart-'));
const profile = join(place, 'profile');
const restored = join(place, 'restored');
const home = join(place, 'home');
const given = process.argv[2];
const chromium = findChromium();

function say(text: string): void {
  console.log(`\n# ${text}`);
}

function browserstate(...args: string[]): void {
  const words = [relative('.', cli), '--home', home, ...args];
  console.log(`$ node ${words.map((word) => (/^[\w./~@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ')}`);
  const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`browserstate ${args[0]} ended with status ${status}`);
}

async function makeProfile(): Promise<string> {
  if (given !== undefined) {
    cpSync(given, profile, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    return `A copy of ${given}`;
  }
  if (chromium !== undefined) {
    await makeBase(profile, { visits: 6 });
    return `A profile made by ${chromium} on pages of this machine`;
  }
  makeSynthetic(profile, 'quickstart');
  return 'A made profile (there is no Chromium on this machine)';
}

async function changeProfile(): Promise<void> {
  if (given === undefined && chromium !== undefined) await smallRun(profile, 1);
  else if (given === undefined) changeSynthetic(profile, 'quickstart');
  else cpSync(join(profile, readdirSync(profile)[0] as string), join(profile, 'a copy of something'), { recursive: true });
}

/**
 * Returns path, mode, time (microseconds) and content of everything below `root`, except for locks.
 */
function fingerprint(root: string, dir = root): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name);
    const stat = lstatSync(path, { bigint: true });
    const facts = `${(stat.mode & 0o777n).toString(8)} ${stat.mtimeNs / 1000n}`;
    if (/^(Singleton.*|LOCK|lockfile|lock|\.parentlock|RunningChromeVersion|DevToolsActivePort)$/.test(name)) continue;
    const content = stat.isFile()
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : stat.isSymbolicLink()
        ? readlinkSync(path)
        : 'directory';
    found.set(relative(root, path), `${facts} ${content}`);
    if (stat.isDirectory()) for (const [inner, print] of fingerprint(root, path)) found.set(inner, print);
  }
  return found;
}

function proveEqual(expected: Map<string, string>, found: Map<string, string>): void {
  for (const [path, print] of expected) if (found.get(path) !== print) throw new Error(`${path} differs after the restore`);
  for (const path of found.keys()) if (!expected.has(path)) throw new Error(`${path} was not there before`);
  console.log(`${found.size} entries, every byte, mode and time equal.`);
}

if (!existsSync(cli)) throw new Error('Run `npm run build` first.');
say(`${await makeProfile()}: ${profile}`);
const first = fingerprint(profile);
browserstate('snapshot', profile, '-s', 'demo', '-m', 'first visit', '--keep-caches');
say('The browser runs again and changes it');
await changeProfile();
browserstate('snapshot', profile, '-s', 'demo', '-m', 'second visit', '--keep-caches');
say('The history, and the changes of the second version');
browserstate('log', '-s', 'demo');
browserstate('diff', '-s', 'demo', 'HEAD~1', 'HEAD');
say('Go back to the first version, and restore it to another directory');
browserstate('rollback', '-s', 'demo', '--to', 'HEAD~1');
browserstate('restore', restored, '-s', 'demo');
proveEqual(first, fingerprint(restored));
say('Verify every byte of the store');
browserstate('verify', '--read-data');
say('Paths');
console.log(`profile   ${profile}\nrestored  ${restored}\nstore     ${home}\nRemove ${place} when you are done.`);

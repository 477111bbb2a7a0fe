/**
 * A worker's round (mount, write, commit, push, remove) that is killed at any step that changes the
 * file system. Commits stay. The next mount gives the whole head or the recovered version, and
 * leaves nothing behind.
 */
import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { systemHost } from '../../src/base/host.js';
import { localProvider, openStore, type Store } from '../../src/index.js';
import { begin, entries, profile, write } from '../support/processes.js';
import { readListing } from '../support/profile.js';
import { withTemporary } from '../support/temporary.js';

const child = fileURLToPath(new URL('../support/programs/round.js', import.meta.url));
const hook = new URL('../support/programs/kill-hook.js', import.meta.url).href;

/** Runs a round. Resolves to whether it was killed before its end. */
function wasKilled(home: string, remote: string, mark: string, killAt: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, KILL_AT: String(killAt) };
    execFile(process.execPath, ['--import', hook, child, home, remote, mark], { env }, (error, _stdout, stderr) => {
      if (error === null) resolve(false);
      else if (error.signal === 'SIGKILL') resolve(true);
      else reject(new Error(stderr));
    });
  });
}

const open = (home: string, remote: string): Promise<Store> =>
  openStore({ home, userId: 'tester', remote: localProvider(remote, systemHost) });

/** Number of parts. Every step is in one part, so that each part takes about a minute. */
const PARTS = 8;

for (let part = 1; part <= PARTS; part++) {
  test.serial(
    `R-MOUNT-1, R-MOUNT-5: a round that is killed at any step, part ${part}, loses nothing, and the next one begins as if nothing had been`,
    async (t) => {
      await withTemporary(async (folder) => {
        const [before, work] = [join(folder, 'before'), join(folder, 'work')];
        const first = await open(join(before, 'home'), join(before, 'remote'));
        await begin(first, 's');
        await first.close();
        const places = [join(work, 'home'), join(work, 'remote')] as const;
        const reset = (): void => {
          rmSync(work, { recursive: true, force: true });
          cpSync(before, work, { recursive: true, preserveTimestamps: true });
        };
        const seen = new Map<string, number>();
        // The loop ends when a round ends before it is killed.
        for (let [killAt, killed] = [part, true]; killed; killAt += PARTS) {
          reset();
          killed = await wasKilled(...places, 'written', killAt);
          const what = `step ${killAt}`;
          const store = await open(...places);
          const mount = await store.mount('s');
          const cookies = readFileSync(join(mount.dir, 'Default/Cookies'), 'utf8');
          t.true(cookies === 'cookies first' || cookies === 'written', `${what}: ${cookies}`);
          seen.set(cookies, (seen.get(cookies) ?? 0) + 1);
          const expected = { ...profile('first'), 'Default/Cookies': cookies };
          const files = [...readListing(mount.dir)].filter(([, line]) => line.startsWith('file')).map(([path]) => path);
          t.deepEqual(files.sort(), Object.keys(expected).sort(), what);
          for (const [path, content] of Object.entries(expected)) t.is(readFileSync(join(mount.dir, path), 'utf8'), content, what);
          await write(mount.dir, { 'Default/Cookies': 'the next' });
          await mount.unmount();
          const commits = await entries(store.session('s'));
          t.is(commits.length, cookies === 'written' ? 3 : 2, what);
          t.deepEqual(await store.abandonedMounts(), [], what);
          const notes = join(places[0], 'tester', '.store');
          t.deepEqual(readdirSync(join(notes, 'workspaces')), [], what);
          t.deepEqual(
            readdirSync(join(notes, 'records')).filter((name) => name.endsWith('.json')),
            [],
            what,
          );
          const names: string[] = [];
          for await (const { session } of store.sessions()) names.push(session);
          t.deepEqual(names, ['s'], what);
          for (const on of ['local', 'remote'] as const) t.deepEqual((await store.verify({ on, readData: true })).findings, [], what);
          await store.close();
          if (!killed) t.is(cookies, 'written', 'a round that ended');
        }
        t.true((seen.get('cookies first') ?? 0) > 1, 'some before the commit');
        t.true((seen.get('written') ?? 0) > 1, 'some after it');
        t.log(JSON.stringify([...seen]));
      });
    },
  );
}

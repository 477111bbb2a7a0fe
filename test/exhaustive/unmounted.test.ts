/** C3: pushes by real processes to a real mount that is unmounted at random moments, in use or not. Needs the right to mount. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { openRepository } from '../../src/index.js';
import { noise } from '../helpers/content.js';
import { readListing } from '../helpers/profile.js';
import { temporary } from '../helpers/temporary.js';

const PUSHES = 30;
const child = fileURLToPath(new URL('_push-child.js', import.meta.url));

function run(...command: [string, ...string[]]): boolean {
  try {
    execFileSync(command[0], command.slice(1), { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const canMount = process.getuid?.() === 0 && run('unshare', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt');

(canMount ? test : test.skip)(
  `C3: of ${PUSHES} pushes with the disk unmounted at a random moment none says pushed that a fresh machine cannot restore`,
  async (t) => {
    const folder = temporary(t);
    const [disk, mnt, home, dir] = ['disk', 'mnt', 'home', 'profile'].map((name) => join(folder, name)) as [string, string, string, string];
    for (const each of [disk, mnt, dir]) mkdirSync(each);
    const mount = (): void => {
      t.true(run('mount', '--bind', disk, mnt), 'mounted');
    };
    const unmount = (): void => {
      while (run('umount', '-l', mnt));
    };
    t.teardown(unmount);
    const url = pathToFileURL(mnt).href;
    const store = await openRepository({ home, userId: 'tester', remote: url, transfer: { maxRetries: 0 } });
    const session = store.session('main');
    const write = (n: number): void => writeFileSync(join(dir, 'file'), noise(6_000_000, n));
    write(0);
    mount();
    await session.commit(dir, { offline: true });
    const begun = performance.now();
    await session.push();
    const usual = performance.now() - begun;
    const outcomes: Record<string, number> = {};
    for (let n = 1; n <= PUSHES; n++) {
      write(n);
      await session.commit(dir, { offline: true });
      const pushing = spawn(process.execPath, [child, home, url], { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      const ended = once(pushing, 'exit');
      pushing.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      await once(pushing.stdout, 'data');
      await sleep(Math.random() * usual * 5);
      unmount();
      await ended;
      const outcome = output.split('\n')[1] ?? 'none';
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      t.deepEqual(readdirSync(mnt), [], 'nothing on the bare mount point');
      mount();
      if (outcome === 'pushed') {
        const target = join(folder, `target-${n}`);
        const fresh = await openRepository({ home: join(folder, `fresh-${n}`), userId: 'tester', remote: url });
        await fresh.session('main').checkout(target);
        t.deepEqual(readListing(target), readListing(dir), `push ${n}`);
      } else t.is(outcome, 'UNREACHABLE', `push ${n}`);
      await session.push();
    }
    t.log(JSON.stringify(outcomes));
    t.deepEqual((await store.verify({ readData: true, on: 'remote' })).findings, []);
  },
);

/**
 * Pushes by real processes to a real mount that is unmounted at random moments, in use or not (C3).
 * Needs the right to mount.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openStore } from '../../src/index.js';
import { noise } from '../support/content.js';
import { testWith } from '../support/machine.js';
import { readListing } from '../support/profile.js';
import { temporary } from '../support/temporary.js';

const PUSHES = 30;
const child = fileURLToPath(new URL('../support/programs/push.js', import.meta.url));

function run(...command: [string, ...string[]]): boolean {
  try {
    execFileSync(command[0], command.slice(1), { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

testWith(['mounts that all see'])(
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
    const store = await openStore({ home, userId: 'tester', remote: url, transfer: { maxRetries: 0 } });
    const session = store.session('main');
    const write = (n: number): void => writeFileSync(join(dir, 'file'), noise(6_000_000, n));
    /**
     * Runs a push. Calls `at` after the push has begun that many requests. The last of these
     * requests is held until then.
     */
    const push = async (held: number, at: (requests: number, go: () => void) => void = () => undefined) => {
      const pushing = spawn(process.execPath, [child, home, mnt, String(held)], { stdio: ['pipe', 'pipe', 'inherit'] });
      // A push that failed by another request meanwhile does not wait any longer.
      pushing.stdin.on('error', () => undefined);
      let output = '';
      pushing.stdout.on('data', (chunk: Buffer) => {
        for (const char of chunk.toString()) {
          output += char;
          if (char === '.') at(output.length, () => pushing.stdin.write('go\n'));
        }
      });
      await once(pushing, 'close');
      const [dots, outcome] = output.split('\n') as [string, string];
      return { requests: dots.length, outcome };
    };
    mount();
    write(0);
    await session.commit(dir, { offline: true });
    t.is((await push(0)).outcome, 'done');
    write(1);
    await session.commit(dir, { offline: true });
    const { requests } = await push(0);
    const outcomes: Record<string, number> = {};
    for (let n = 2; n < PUSHES + 2; n++) {
      write(n);
      await session.commit(dir, { offline: true });
      // The disk disappears before a request, during one, or after the push has ended.
      const how = (['before', 'during', 'after'] as const)[n % 3] as 'before' | 'during' | 'after';
      const moment = how === 'after' ? Number.POSITIVE_INFINITY : 1 + Math.floor(Math.random() * requests);
      const { outcome } = await push(how === 'before' ? moment : 0, (begun, go) => {
        if (begun !== moment) return;
        unmount();
        if (how === 'before') go();
      });
      unmount();
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      t.deepEqual(readdirSync(mnt), [], 'nothing on the bare mount point');
      mount();
      if (outcome === 'done') {
        const target = join(folder, `target-${n}`);
        const fresh = await openStore({ home: join(folder, `fresh-${n}`), userId: 'tester', remote: url });
        await fresh.session('main').checkout(target);
        t.deepEqual(readListing(target), readListing(dir), `push ${n}`);
      } else t.is(outcome, 'UNREACHABLE', `push ${n}`);
      if (how === 'after') t.is(outcome, 'done');
      await session.push();
    }
    t.true((outcomes['UNREACHABLE'] ?? 0) > 0, JSON.stringify(outcomes));
    t.log(JSON.stringify(outcomes));
    t.deepEqual((await store.verify({ readData: true, on: 'remote' })).findings, []);
  },
);

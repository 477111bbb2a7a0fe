/**
 * A directory that is swapped for a symlink to an outside directory at each single system call of a
 * snapshot or checkpoint (C9 for readers). The swap lasts, or is undone after that call. The
 * version holds nothing from outside, or the commit fails.
 */
import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openStore } from '../../../src/index.js';
import { orCode } from '../../support/errors.js';
import { directory, file, type ProfileEntry, readListing, symlink, writeProfile } from '../../support/profile.js';
import { aroundLooks } from '../../support/session/looks.js';
import { temporary } from '../../support/temporary.js';

const YOUNG = BigInt(Date.now()) * 1000n;

const profile = new Map<string, ProfileEntry>([
  ['Default', directory()],
  ['Default/Cookies', file('mine')],
  ['Default/Sub', directory()],
  ['Default/Sub/db', directory()],
  ['Default/Sub/db/000003.log', file('mine', 0o600, YOUNG)],
  ['Default/Sub/db/CURRENT', file('mine', 0o600, YOUNG)],
  ['Default/Sub/empty', directory()],
  ['Default/Sub/link', symlink('mine')],
  ['Default/Sub/old', file('mine')],
  ['Default/Sub/young', file('mine', 0o600, YOUNG)],
  ['Default/young', file('mine', 0o600, YOUNG)],
  ['Local State', file('{}')],
]);

/** Fills a directory outside with the names of the profile, and other names. */
function writeOutside(outside: string): void {
  const entries = [...profile].flatMap(([path, entry]): [string, ProfileEntry][] => {
    const other: ProfileEntry =
      entry.kind === 'directory'
        ? directory(0o711)
        : entry.kind === 'symlink'
          ? symlink('of others')
          : file('of others', 0o600, entry.mtime);
    return [
      [path, other],
      [`${path} of others`, entry.kind === 'directory' ? directory() : other],
    ];
  });
  writeProfile(outside, new Map(entries));
}

for (const read of ['commit', 'checkpoint'] as const) {
  for (const swapped of ['Default', 'Default/Sub']) {
    for (const isBack of [false, true]) {
      const title = `C9: ${swapped} is a symlink to a directory outside ${isBack ? 'during' : 'from'} any look of a ${read} on`;
      test.serial(title, async (t) => {
        const folder = temporary(t);
        const [dir, outside, away] = ['dir', 'outside', 'away'].map((name) => join(folder, name)) as [string, string, string];
        writeOutside(outside);
        const session = (await openStore({ home: join(folder, 'home') })).session('s');
        writeProfile(dir, profile);
        // Files that the stat cache knows are not opened.
        await session.commit(dir);
        const place = join(dir, swapped);
        const swap = (): void => {
          renameSync(place, away);
          symlinkSync(join(outside, swapped), place);
        };
        const swapBack = (): void => {
          if (!existsSync(away)) return;
          unlinkSync(place);
          renameSync(away, place);
        };
        let looks = 1;
        let made = 0;
        const seen = new Set<string>();
        for (let at = 1; at <= looks; at++) {
          let nth = 0;
          const done = await aroundLooks(
            () => orCode(() => session[read](dir), 'UNREADABLE', 'BUSY', 'SHRUNK'),
            (_, path, run) => {
              if ((path !== dir && !path.startsWith(`${dir}/`)) || ++nth !== at) return run();
              swap();
              if (!isBack) return run();
              const result = run();
              if (!(result instanceof Promise)) swapBack();
              return result instanceof Promise ? result.finally(swapBack) : result;
            },
          );
          looks = nth;
          swapBack();
          if (done === undefined) continue;
          made++;
          if (seen.has(done.tree)) continue;
          seen.add(done.tree);
          const target = join(folder, 'target');
          rmSync(target, { recursive: true, force: true });
          mkdirSync(target);
          await session.checkout(target);
          for (const [path, line] of readListing(target)) {
            const said = `${path}: ${line}, look ${at} of ${looks}`;
            t.false(path.includes('of others') || /^directory 0?711/.test(line), said);
            if (line.startsWith('file')) t.false(line === readListing(outside).get(path), said);
            if (line.startsWith('symlink') && path !== swapped) t.is(readlinkSync(join(target, path)), 'mine', said);
          }
        }
        t.true(made > 0 && looks > 20);
        t.log(`${made} of ${looks} committed, ${seen.size} trees`);
      });
    }
  }
}

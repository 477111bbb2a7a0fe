/**
 * Flips of every byte of a repository in a local folder. The head is restored exactly or not at
 * all, and verify reports the damage.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'ava';
import { checkOut, fill, flipped, isReported } from '../support/repository/damage.js';
import { temporary } from '../support/temporary.js';

/** Returns the files that are part of the repository: all except this machine's own files. */
function repositoryFiles(store: string): string[] {
  const own = /^(?:index|records|tmp|workspaces)(?:\/|$)/;
  const files = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(store, path)).isFile());
  return files.filter((path) => !own.test(path)).sort();
}

test('R-ENV-1, R-LOC-1: a flip of any byte of any file gives the exact head or INTEGRITY, and is reported', async (t) => {
  const repository = { folder: temporary(t), provider: undefined };
  const expected = await fill(repository);
  const store = join(repository.folder, 'home', 'tester', '.store');
  const files = repositoryFiles(store).map((path) => join(store, path));
  const total = files.reduce((sum, path) => sum + statSync(path).size, 0);
  t.true(total <= 32 * 1024, `${total} bytes`);
  t.is(await checkOut(repository, expected), 'exact');
  const outcomes = { exact: 0, rejected: 0 };
  for (const path of files) {
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at++) {
      writeFileSync(path, flipped(bytes, at));
      try {
        outcomes[await checkOut(repository, expected)]++;
        await isReported(repository);
      } catch (error) {
        t.log(error);
        t.fail(`byte ${at} of ${relative(store, path)}`);
      }
    }
    writeFileSync(path, bytes);
  }
  t.is(await checkOut(repository, expected), 'exact');
  t.log(`${files.length} files of ${total} bytes`, outcomes);
  t.true(outcomes.exact > 0 && outcomes.rejected > 0);
});

/** Another kind of entry that replaces a file while a directory is read (F11). */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openStore } from '../../../src/index.js';
import { temporary } from '../../support/temporary.js';

/** Functions that make an entry at a path, each with the content that a version then has. */
const replacements: Readonly<Record<string, readonly [(path: string) => unknown, found: readonly string[]]>> = {
  FIFO: [(path) => execFileSync('mkfifo', [path]), []],
  socket: [(path) => renameSync(`${path}.socket`, path), []],
  directory: [mkdirSync, ['d b']],
  symlink: [(path) => symlinkSync('a', path), ['l b']],
  nothing: [() => undefined, []],
};

async function listen(t: ExecutionContext, path: string): Promise<void> {
  const server = createServer();
  t.teardown(() => server.close());
  // The path may be too long for a socket.
  const short = join(temporary(t), 's');
  await new Promise<void>((resolve) => void server.listen(short, resolve));
  renameSync(short, path);
}

for (const [name, [replace, found]] of Object.entries(replacements)) {
  test(`F11: a ${name} in place of a file that was listed: the directory is read again`, async (t) => {
    const root = temporary(t);
    const dir = join(root, 'profile');
    const path = join(dir, 'b');
    mkdirSync(dir);
    for (const file of ['a', 'b', 'c']) writeFileSync(join(dir, file), `of ${file}`);
    if (name === 'socket') await listen(t, `${path}.socket`);
    const store = await openStore({ home: join(root, 'home') });
    const session = store.session('s');
    let isReplaced = false;
    const onProgress = (): void => {
      if (isReplaced) return;
      isReplaced = true;
      rmSync(path);
      replace(path);
    };
    await session.commit(dir, { onProgress });
    t.true(isReplaced);
    await session.checkout(join(root, 'out'));
    const tree = execFileSync('find', [join(root, 'out'), '-mindepth', '1', '-printf', '%y %P\n'])
      .toString()
      .trim()
      .split('\n')
      .sort();
    t.deepEqual(tree, ['f a', 'f c', ...found].sort());
    await store.close();
  });
}

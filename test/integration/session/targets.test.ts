/**
 * Directories that are no target, or that hold entries that cannot be in a version (C7, C8, C11).
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openStore, type Session, type Store } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { runWithoutRights, testWith } from '../../support/machine.js';
import { readListing } from '../../support/profile.js';
import { temporary } from '../../support/temporary.js';

interface Work {
  folder: string;
  home: string;
  remote: string;
  store: Store;
  session: Session;
}

async function begin(t: ExecutionContext): Promise<Work> {
  const folder = temporary(t);
  const [home, remote, profile] = ['home', 'remote', 'profile'].map((name) => join(folder, name)) as [string, string, string];
  const store = await openStore({ home, remote: pathToFileURL(remote).href });
  mkdirSync(join(profile, 'Default'), { recursive: true });
  writeFileSync(join(profile, 'Local State'), '{}');
  writeFileSync(join(profile, 'Default', 'Cookies'), 'cookies');
  const session = store.session('s');
  await session.commit(profile);
  await session.push();
  return { folder, home, remote, store, session };
}

/** Directories that are, hold or lie in a store. A new case is a line. */
const stores: Record<string, (work: Work) => string> = {
  'the remote itself': ({ remote }) => remote,
  "the remote's folder of the user": ({ remote }) => join(remote, 'default'),
  "the remote's store": ({ remote }) => join(remote, 'default', '.store'),
  "a directory in the remote's store": ({ remote }) => join(remote, 'default', '.store', 'packs'),
  'the directory above both': ({ folder }) => folder,
  'home itself': ({ home }) => home,
  'the workspaces of the local store': ({ home }) => {
    mkdirSync(join(home, 'default', '.store', 'workspaces'), { recursive: true });
    return join(home, 'default', '.store', 'workspaces');
  },
  'another home': ({ folder, home }) => {
    cpSync(home, join(folder, 'other'), { recursive: true, filter: (path) => !path.includes('owners') });
    return join(folder, 'other');
  },
  'a directory far above another store': ({ folder, remote }) => {
    mkdirSync(join(folder, 'far', 'a'), { recursive: true });
    cpSync(remote, join(folder, 'far', 'a', 'remote'), { recursive: true });
    return join(folder, 'far');
  },
  'a symlink to the remote': ({ folder, remote }) => {
    symlinkSync(remote, join(folder, 'link'));
    return join(folder, 'link');
  },
};

for (const [name, find] of Object.entries(stores)) {
  test(`C7: ${name} is no target and no source, not even by force`, async (t) => {
    const work = await begin(t);
    const dir = find(work);
    const before = readListing(dir);
    await rejects(t, () => work.session.checkout(dir, { force: true }), 'USAGE');
    await rejects(t, () => work.session.commit(dir, { allowShrink: true }), 'USAGE');
    t.deepEqual(withoutNotes(readListing(dir)), withoutNotes(before));
    t.deepEqual((await work.store.verify({ readData: true })).findings, []);
  });
}

/** Returns a listing without the notes of this machine, which change with every command. */
function withoutNotes(listing: ReadonlyMap<string, string>): string[] {
  return [...listing.keys()].filter((path) => !/records|index/.test(path));
}

test('C7, C11: a mount commits, also with an entry .store in it', async (t) => {
  const { store } = await begin(t);
  const mount = await store.mount('s');
  mkdirSync(join(mount.dir, '.store'));
  writeFileSync(join(mount.dir, '.store', 'file'), 'of the profile');
  const { changed } = await mount.unmount({ offline: true });
  t.true(changed);
});

/** Entries that no version can hold. A new case is a line. */
const odd: Record<string, (dir: string) => void> = {
  'a name with a newline': (dir) => writeFileSync(join(dir, 'a\nb'), 'x'),
  'a name that is not UTF-8': (dir) => writeFileSync(Buffer.concat([Buffer.from(`${dir}/a`), Buffer.from([0xff])]), 'x'),
  'a directory whose name is not UTF-8, with content': (dir) => {
    const path = Buffer.concat([Buffer.from(`${dir}/Default/`), Buffer.from([0xfe])]);
    mkdirSync(path);
    writeFileSync(Buffer.concat([path, Buffer.from('/file')]), 'x');
  },
  'a file that cannot be read': (dir) => chmodSync(join(dir, 'Local State'), 0),
  'a directory that cannot be read': (dir) => chmodSync(join(dir, 'Default'), 0),
  'a FIFO': (dir) => execFileSync('mkfifo', [join(dir, 'fifo')]),
  'a symlink in place of a directory': (dir) => {
    rmSync(join(dir, 'Default'), { recursive: true });
    symlinkSync('/', join(dir, 'Default'));
  },
};

for (const [name, make] of Object.entries(odd)) {
  for (const keepDirectory of [false, true]) {
    test(`C11: force replaces ${name}${keepDirectory ? ', and keeps the directory' : ''}`, async (t) => {
      const { folder, session } = await begin(t);
      const dir = join(folder, 'dir');
      await session.checkout(dir);
      const expected = readListing(dir);
      make(dir);
      await session.checkout(dir, { force: true, keepDirectory });
      t.deepEqual(readListing(dir), expected);
      t.deepEqual(
        readdirSync(folder).filter((each) => each.startsWith('.')),
        [],
      );
    });
  }
}

/**
 * Obstacles to replacing a directory. Each function makes one, and returns a function that removes
 * it.
 */
const stuck: Record<string, (dir: string) => () => void> = {
  'an immutable file': (dir) => {
    const path = join(dir, 'deep', 'file');
    execFileSync('chattr', ['+i', path]);
    return () => execFileSync('chattr', ['-i', path]);
  },
  'an immutable directory': (dir) => {
    const path = join(dir, 'deep');
    execFileSync('chattr', ['+i', path]);
    return () => execFileSync('chattr', ['-i', path]);
  },
};

for (const [name, make] of Object.entries(stuck)) {
  for (const keepDirectory of [false, true]) {
    testWith(['immutable files'])(
      `C8: ${name} is found before the first change${keepDirectory ? ', with the directory kept' : ''}`,
      async (t) => {
        const { folder, session } = await begin(t);
        const dir = join(folder, 'dir');
        mkdirSync(join(dir, 'deep'), { recursive: true });
        writeFileSync(join(dir, 'deep', 'file'), 'of nobody');
        writeFileSync(join(dir, 'first'), 'of nobody');
        const before = readListing(dir);
        const takeBack = make(dir);
        try {
          const error = await rejects(t, () => session.checkout(dir, { force: true, keepDirectory }), 'FORBIDDEN');
          t.regex(error.message, /deep/);
          t.deepEqual(readListing(dir), before);
          t.deepEqual(readdirSync(folder).sort(), ['dir', 'home', 'profile', 'remote']);
        } finally {
          takeBack();
        }
        await session.checkout(dir, { force: true, keepDirectory });
        t.is(readFileSync(join(dir, 'Default', 'Cookies'), 'utf8'), 'cookies');
      },
    );
  }
}

testWith(['files of two users'])('C8: a directory of another user is found before the first change', async (t) => {
  const dir = join(temporary(t), 'dir');
  mkdirSync(join(dir, 'theirs'), { recursive: true });
  writeFileSync(join(dir, 'theirs', 'file'), 'of another user');
  writeFileSync(join(dir, 'mine'), 'of this user');
  execFileSync('chown', ['-R', '65534:65534', join(dir, 'theirs')]);
  const program = `
    import { requireRemovable } from ${JSON.stringify(new URL('../../../src/fs/remove.js', import.meta.url).href)};
    import { readdirSync } from 'node:fs';
    const names = readdirSync(process.argv[1], { encoding: 'buffer' });
    await requireRemovable(process.argv[1], names).then(() => console.log('removable'), (error) => console.log(error.code, error.message));`;
  t.regex(await runWithoutRights('--input-type=module', '-e', program, dir), /^FORBIDDEN .*theirs/);
  t.true(existsSync(join(dir, 'mine')));
});

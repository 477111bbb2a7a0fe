/**
 * File systems that cannot hold a store (S5, R-LOCAL-14). The probe finds them before a store is
 * created. The tests run one at a time, since they change the file system.
 */
import { existsSync, promises as fs, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { openStore } from '../../../../src/index.js';
import { rejects } from '../../../support/errors.js';
import { temporary } from '../../../support/temporary.js';

type Call = (from: string, to: string) => Promise<void>;

const { link, rename, rm } = fs;

const failing =
  (code: string): Call =>
  async (from, to) => {
    throw Object.assign(new Error(`${code}: link '${from}' -> '${to}'`), { code, errno: -1, syscall: 'link' });
  };

/** Faulty replacements of `link` or `rename`, with the reported reason. */
const unfit: [what: string, name: 'link' | 'rename', call: Call, reason: RegExp][] = [
  ...['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].map((code): [string, 'link', Call, RegExp] => [
    `no hard links (${code})`,
    'link',
    failing(code),
    new RegExp(`no hard links \\(${code}\\)`),
  ]),
  ['a link that is never made', 'link', failing('EEXIST'), /a new name is taken/],
  [
    'a link that replaces',
    'link',
    async (from, to) => {
      await rm(to, { force: true });
      await link(from, to);
    },
    /link\(\) replaces/,
  ],
  [
    'a rename that replaces what is not empty',
    'rename',
    async (from, to) => {
      await rm(to, { recursive: true, force: true });
      await rename(from, to);
    },
    /rename\(\) replaces/,
  ],
];

/** Runs `body` while the folder `root` is on such a file system. */
async function whileUnfit(root: string, name: 'link' | 'rename', call: Call, body: () => Promise<void>): Promise<void> {
  const original = name === 'link' ? link : rename;
  Object.assign(fs, { [name]: (from: string, to: string) => (String(to).startsWith(root) ? call(from, to) : original(from, to)) });
  try {
    await body();
  } finally {
    Object.assign(fs, { [name]: original });
  }
}

for (const [what, name, call, reason] of unfit) {
  test.serial(`S5: ${what}: no store is made, on this machine or as a remote`, async (t) => {
    const folder = temporary(t);
    const [bad, dir] = [join(folder, 'bad'), join(folder, 'profile')];
    for (const each of [bad, dir]) mkdirSync(each);
    writeFileSync(join(dir, 'file'), 'content');
    await whileUnfit(bad, name, call, async () => {
      const home = await openStore({ home: join(bad, 'home') });
      const errors = [
        await rejects(t, () => home.init(), 'UNSUPPORTED'),
        await rejects(t, () => home.session('s').commit(dir), 'UNSUPPORTED'),
      ];
      const store = await openStore({ home: join(folder, 'home'), remote: pathToFileURL(join(bad, 'remote')).href });
      await store.session('s').commit(dir, { offline: true });
      errors.push(await rejects(t, () => store.session('s').push(), 'UNSUPPORTED'));
      for (const { message } of errors) t.regex(message, reason);
      for (const { hint } of errors) t.truthy(hint);
      t.false(existsSync(join(bad, 'home/default/.store/config.cell')));
      t.false(existsSync(join(bad, 'remote/default/.store/probe.cell')));
    });
  });
}

test.serial('S5: a store that is copied to a file system without hard links says so', async (t) => {
  const folder = temporary(t);
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeFileSync(join(dir, 'file'), 'content');
  const store = await openStore({ home: join(folder, 'home') });
  await store.session('s').commit(dir);
  writeFileSync(join(dir, 'file'), 'other');
  await whileUnfit(join(folder, 'home'), 'link', failing('EPERM'), async () => {
    const { message } = await rejects(t, () => store.session('s').commit(dir), 'UNSUPPORTED');
    t.regex(message, /no hard links/);
  });
});

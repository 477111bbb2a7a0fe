/**
 * The errors of the local folder for errors and short results of the file system. The tests run one
 * at a time, since they change the file system.
 */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { localProvider } from '../../../../src/provider/local/local.js';
import type { Provider, Version } from '../../../../src/provider/provider.js';
import { freshFolder, host } from '../../../support/provider/folders.js';

type Call = (this: unknown, ...args: unknown[]) => Promise<unknown>;

const handle = await fs.open('/');
const files = Object.getPrototypeOf(handle) as Record<string, Call>;
await handle.close();

/** Runs `body` while a call of the file system is replaced. */
async function whileReplaced(name: string, make: (original: Call) => Call, body: () => Promise<void>): Promise<void> {
  const owner = (name in files ? files : fs) as Record<string, Call>;
  const original = owner[name] as Call;
  owner[name] = make(original);
  try {
    await body();
  } finally {
    owner[name] = original;
  }
}

/** Runs `body` while a call fails from its `nth` time on, counted from 1. */
async function whileFailing(name: string, code: string, nth: number, body: () => Promise<void>): Promise<void> {
  let count = 0;
  const failing = (original: Call): Call =>
    async function (...args) {
      if (++count < nth) return await original.apply(this, args);
      throw Object.assign(new Error(`${code}: a fault that the test asked for`), { code, errno: -1 });
    };
  await whileReplaced(name, failing, body);
}

interface Fixture {
  root: string;
  provider: Provider;
  version: Version;
}

async function fixture(t: ExecutionContext): Promise<Fixture> {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  await provider.put('packs/a', utf8('content'));
  return { root, provider, version: (await provider.swap('refs/a', utf8('one'), null)) as Version };
}

/** Failing calls, with the errors of a put and a swap. */
const writes = [
  ['open', 'EACCES', 'FORBIDDEN'],
  ['open', 'EROFS', 'FORBIDDEN'],
  ['open', 'EMFILE', 'UNREACHABLE'],
  ['write', 'ENOSPC', 'NO_SPACE'],
  ['write', 'EDQUOT', 'NO_SPACE'],
  ['write', 'EIO', 'UNREACHABLE'],
  ['sync', 'EIO', 'UNREACHABLE'],
  ['sync', 'ENOSPC', 'NO_SPACE'],
  ['link', 'EPERM', 'FORBIDDEN'],
  ['link', 'EXDEV', 'FORBIDDEN'],
  ['link', 'ENOSPC', 'NO_SPACE'],
] as const;

for (const [name, errno, code] of writes) {
  test.serial(`a write during which ${name} is ${errno} is ${code}, had no effect and leaves no temporary file`, async (t) => {
    const { root, provider, version } = await fixture(t);
    await whileFailing(name, errno, 1, async () => {
      const error = await t.throwsAsync(provider.put('packs/b', utf8('new')), { code });
      t.regex(error?.message ?? '', new RegExp(`^cannot store packs/b: ${errno}`));
      if (name !== 'link') await t.throwsAsync(provider.swap('refs/b', utf8('new'), null), { code });
      if (name !== 'open') await t.throwsAsync(provider.swap('refs/a', utf8('two'), version), { code });
    });
    t.deepEqual(await fs.readdir(join(root, 'tmp')), []);
    await t.throwsAsync(provider.get('packs/b'), { code: 'NOT_FOUND' });
    t.is(await provider.read('refs/b'), undefined);
    t.deepEqual(await provider.read('refs/a'), { bytes: utf8('one'), version });
  });
}

/** Calls that fail after a write took effect. */
const afterwards = [
  ['sync', 'EIO', 2],
  ['sync', 'ENOSPC', 2],
  ['unlink', 'EACCES', 1],
] as const;

for (const [name, errno, nth] of afterwards) {
  test.serial(`a write during which ${name} is ${errno} after its effect is UNREACHABLE: its outcome is unknown`, async (t) => {
    const { provider, version } = await fixture(t);
    await whileFailing(name, errno, nth, async () => {
      await t.throwsAsync(provider.swap('refs/a', utf8('two'), version), {
        code: 'UNREACHABLE',
        message: /whether it took effect is unknown/,
      });
    });
    await whileFailing(name, errno, nth, async () => {
      await t.throwsAsync(provider.put('packs/b', utf8('new')), { code: 'UNREACHABLE', message: /whether it took effect is unknown/ });
    });
    const cell = await provider.read('refs/a');
    t.deepEqual(cell !== undefined && cell !== 'unchanged' && cell.bytes, utf8('two'));
    await provider.put('packs/b', utf8('new'));
    t.deepEqual(await provider.get('packs/b'), utf8('new'));
  });
}

const reads = [
  ['open', 'EACCES', 'FORBIDDEN'],
  ['open', 'EMFILE', 'UNREACHABLE'],
  ['read', 'EIO', 'UNREACHABLE'],
  ['stat', 'ESTALE', 'UNREACHABLE'],
] as const;

for (const [name, errno, code] of reads) {
  test.serial(`a read during which ${name} is ${errno} is ${code}, and never absent`, async (t) => {
    const { provider } = await fixture(t);
    await whileFailing(name, errno, 1, async () => {
      await t.throwsAsync(provider.get('packs/a'), { code });
      await t.throwsAsync(provider.read('refs/a'), { code });
    });
  });
}

test.serial('a directory that cannot be listed is FORBIDDEN, and never empty', async (t) => {
  const { provider } = await fixture(t);
  await whileFailing('readdir', 'EACCES', 1, async () => {
    await t.throwsAsync(
      async () => {
        for await (const { key } of provider.list('')) t.fail(key);
      },
      { code: 'FORBIDDEN' },
    );
    await t.throwsAsync(provider.read('refs/a'), { code: 'FORBIDDEN' });
  });
});

test.serial('a rejected delete is FORBIDDEN', async (t) => {
  const { provider } = await fixture(t);
  await whileFailing('unlink', 'EACCES', 1, () => t.throwsAsync(provider.delete('packs/a'), { code: 'FORBIDDEN' }).then());
});

test.serial('short reads and writes are continued', async (t) => {
  const { provider, version } = await fixture(t);
  const bytes = utf8('a body that takes several calls to write and to read');
  const short =
    (limit: number) =>
    (original: Call): Call =>
      async function (buffer, at, _length, position) {
        const length = Math.min(limit, (buffer as Uint8Array).length - Number(at));
        return await original.call(this, buffer, at, length, position);
      };
  await whileReplaced('write', short(7), async () => {
    await whileReplaced('read', short(5), async () => {
      await provider.put('packs/b', bytes);
      t.deepEqual(await provider.get('packs/b'), bytes);
      t.deepEqual(await provider.get('packs/b', { range: { start: 3, end: 30 } }), bytes.slice(3, 30));
      const written = await provider.swap('refs/a', bytes, version);
      t.deepEqual(await provider.read('refs/a'), { bytes, version: written });
    });
  });
});

test.serial('a link whose answer was lost has taken effect', async (t) => {
  const { provider, version } = await fixture(t);
  const answeredTwice = (original: Call): Call =>
    async function (...args) {
      await original.apply(this, args);
      return await original.apply(this, args);
    };
  await whileReplaced('link', answeredTwice, async () => {
    t.is(typeof (await provider.swap('refs/a', utf8('two'), version)), 'string');
  });
});

/**
 * Copies of files that change meanwhile. Copying ends, and a copy holds the content of the file.
 */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { copyChangingFile } from '../../../src/fs/copy-changing-file.js';
import { noise } from '../../support/content.js';
import { temporary } from '../../support/temporary.js';

const onLinux = process.platform === 'linux' ? test : test.skip;

for (const length of [0, 1, 5000, 3_000_000]) {
  test(`a file of ${length} bytes is copied whole, and replaces nothing`, async (t) => {
    const folder = temporary(t);
    const bytes = noise(length, 'file');
    writeFileSync(join(folder, 'from'), bytes);
    await copyChangingFile(join(folder, 'from'), join(folder, 'to'));
    t.deepEqual(new Uint8Array(readFileSync(join(folder, 'to'))), bytes);
    await t.throwsAsync(copyChangingFile(join(folder, 'from'), join(folder, 'to')), { code: 'EEXIST' });
    await t.throwsAsync(copyChangingFile(join(folder, 'absent'), join(folder, 'new')), { code: 'ENOENT' });
  });
}

onLinux('a file with fewer bytes than its length is copied to its end', async (t) => {
  const folder = temporary(t);
  // The kernel reports 4,096 bytes for this file. The same happens for a file that is truncated a
  // moment later.
  const source = '/sys/devices/system/cpu/online';
  await copyChangingFile(source, join(folder, 'to'));
  t.deepEqual(readFileSync(join(folder, 'to')), readFileSync(source));
});

test('copies of a file that is truncated and rewritten all the time end', async (t) => {
  const folder = temporary(t);
  const path = join(folder, 'from');
  const bytes = noise(200_000, 'file');
  writeFileSync(path, bytes);
  let copies = 0;
  const change = async (): Promise<void> => {
    while (copies < 100) {
      truncateSync(path, 4);
      await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(path, bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const copy = async (): Promise<void> => {
    for (; copies < 100; copies++) {
      const to = join(folder, `to ${copies}`);
      await copyChangingFile(path, to);
      t.true(readFileSync(to).length <= bytes.length);
    }
  };
  await Promise.all([change(), copy()]);
});

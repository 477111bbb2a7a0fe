/** The memory that a profile of 200,000 small files takes (C15). */
import test from 'ava';
import { measureSmallFiles, type SmallFilesStep } from '../support/measure/small-files.js';
import { temporary } from '../support/temporary.js';

const MIB = 1024;
/**
 * Maximum MiB of each step. Measured: 340, 350, 232, 266 and 263 MiB; runs differ by a tenth to a
 * quarter. The version that listed every location took 409 to 435, 435 to 455, 241, 252 to 274 and
 * 310 to 339.
 */
const bounds: Record<SmallFilesStep, number> = {
  'first commit': 400 * MIB,
  'second commit': 425 * MIB,
  checkout: 310 * MIB,
  verify: 310 * MIB,
  'verify --read-data': 370 * MIB,
};

test.serial('C15: no operation on a profile of 200,000 small files takes more memory than its bound', async (t) => {
  t.timeout(24 * 3_600_000);
  const steps = Object.entries(await measureSmallFiles(temporary(t), 200_000)) as [SmallFilesStep, { maxRssKiB: number }][];
  for (const [name, { maxRssKiB }] of steps) t.log(`${name}: ${Math.round(maxRssKiB / MIB)} MiB`);
  for (const [name, { maxRssKiB }] of steps) t.true(maxRssKiB <= bounds[name], name);
});

/** C15: the memory that a profile of 200,000 small files takes. */
import test from 'ava';
import { measureSmallFiles, type SmallFilesStep } from '../../bench/_small-files.js';
import { temporary } from '../helpers/temporary.js';

const MIB = 1024;
/**
 * What was measured differs by a quarter from run to run. The version that listed every place took
 * 419, 450, 240, 274 and 330 MiB.
 */
const bounds: Record<SmallFilesStep, number> = {
  'first commit': 420 * MIB,
  'second commit': 460 * MIB,
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

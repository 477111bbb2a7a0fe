/** Times with the precision that Node can set (docs/design.md). */
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { microseconds, setTime } from '../../../src/fs/times.js';
import { temporary } from '../../support/temporary.js';

const SECOND = 1_000_000n;
/** The time in 2242 from which on double seconds no longer hold every microsecond. */
const EXACT_UNTIL = 2n ** 33n * SECOND;

test('every microsecond until the year 2242 is set exactly, and later ones to within two', (t) => {
  const path = join(temporary(t), 'file');
  writeFileSync(path, '');
  const error = (time: bigint): bigint => {
    setTime(path, time);
    return microseconds(lstatSync(path, { bigint: true }).mtimeNs) - time;
  };
  for (let i = 1n; i <= 200n; i++) {
    for (const time of [EXACT_UNTIL - i, EXACT_UNTIL / 2n + i, i, -i]) t.is(error(time), 0n, String(time));
    const later = error(EXACT_UNTIL + i);
    t.true(later >= -2n && later <= 2n, String(later));
  }
});

test('a time that no file system holds does not stop a checkout', (t) => {
  const path = join(temporary(t), 'file');
  writeFileSync(path, '');
  for (const time of [2n ** 63n - 1n, -(2n ** 63n)]) t.notThrows(() => setTime(path, time));
});

/**
 * A push or a pull that is killed half-way: started again it sends or fetches what had not arrived,
 * and little else.
 */
import test from 'ava';
import { MAX_PACK_SIZE, REMOTE_PACK_CONCURRENCY } from '../../src/limits.js';
import { killedPull, killedPush } from './_killed-transfer.js';

const MIB = 2 ** 20;

test.serial('a push that is killed half-way sends no more than the packs that were under way once more', async (t) => {
  const { whole, first, second, noted } = await killedPush(t, 40);
  t.true(second <= whole - noted + MIB / 2);
  t.true(first <= noted + REMOTE_PACK_CONCURRENCY * MAX_PACK_SIZE + MIB / 2);
});

test.serial('a pull that is killed half-way does not fetch again what is stored', async (t) => {
  const { whole, second, noted } = await killedPull(t, 40);
  t.true(second <= whole - noted + MIB / 2);
});

/**
 * A push or a pull that is killed halfway. After a restart it sends or fetches the missing bytes,
 * and little else.
 */
import test from 'ava';
import { MAX_PACK_SIZE, REMOTE_PACK_CONCURRENCY } from '../../../src/base/limits.js';
import { killedPull, killedPush } from '../../support/sync/killed-transfer.js';

const MIB = 2 ** 20;

test.serial('a push that is killed halfway resends only the packs that were under way', async (t) => {
  const { whole, first, second, noted } = await killedPush(t, 40);
  t.true(second <= whole - noted + MIB / 2);
  t.true(first <= noted + REMOTE_PACK_CONCURRENCY * MAX_PACK_SIZE + MIB / 2);
});

test.serial('a pull that is killed halfway does not fetch stored bytes again', async (t) => {
  const { whole, second, noted } = await killedPull(t, 40);
  t.true(second <= whole - noted + MIB / 2);
});

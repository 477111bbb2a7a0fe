/** A push or a pull that is killed half-way: started again it sends or fetches what had not arrived, and little else. */
import test from 'ava';
import { MAX_PACK_SIZE, REMOTE_PACK_CONCURRENCY } from '../../src/limits.js';
import { killedPull, killedPush } from './_killed-transfer.js';

const MIB = 2 ** 20;

test.serial('a push that is killed half-way sends no more than the packs that were under way once more', async (t) => {
  const { whole, first, second } = await killedPush(t, 60);
  // One more may have arrived without being noted.
  t.true(first + second <= whole + (REMOTE_PACK_CONCURRENCY + 1) * MAX_PACK_SIZE + MIB / 2);
});

test.serial('a pull that is killed when half is stored does not fetch again what is stored', async (t) => {
  const { whole, second, packs } = await killedPull(t, 60);
  // The newest may not have been verified, and the one before not have been noted.
  t.true(second <= whole - (packs - 2) * 7.7 * MIB);
});

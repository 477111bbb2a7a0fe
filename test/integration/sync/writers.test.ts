/** Writers of one session over a bad network. They lose no commit, and every result is correct. */
import test from 'ava';
import { memoryProvider } from '../../../src/index.js';
import { unreliable, writeTogether } from '../../support/sync/writers.js';

test('the history of one session has every commit of 12 writers of 8 commits each exactly once', async (t) => {
  const remote = memoryProvider();
  await writeTogether(t, remote, (writer) => unreliable(remote, writer), { writers: 12, commits: 8 });
});

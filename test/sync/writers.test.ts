/**
 * Writers that meet on one session over a bad network lose nothing, and none is told anything
 * false.
 */
import test from 'ava';
import { memoryProvider } from '../../src/index.js';
import { unreliable, writeTogether } from './_writers.js';

test('12 writers of 8 commits each on one session, every commit of which is in the history once', async (t) => {
  const remote = memoryProvider();
  await writeTogether(t, remote, (writer) => unreliable(remote, writer), { writers: 12, commits: 8 });
});

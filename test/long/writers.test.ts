/** Fifty writers on one session over a bad network, with far more commits than a ref holds. */
import test from 'ava';
import { memoryProvider } from '../../src/index.js';
import { writeOverHttp } from '../support/servers/writers-over-http.js';
import { unreliable, writeTogether } from '../support/sync/writers.js';

for (const commits of [20, 1000]) {
  test.serial(`50 writers of ${commits} commits each on one session have every commit in the history once`, async (t) => {
    t.timeout(24 * 3_600_000);
    const remote = memoryProvider();
    await writeTogether(t, remote, (writer) => unreliable(remote, writer), { writers: 50, commits });
  });
}

test.serial('50 writers of 20 commits each over HTTP have every commit in the history once', async (t) => {
  t.timeout(24 * 3_600_000);
  await writeOverHttp(t, { writers: 50, commits: 20 });
});

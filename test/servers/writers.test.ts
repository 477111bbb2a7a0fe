import test from 'ava';
import { writeOverHttp } from '../support/servers/writers-over-http.js';

test('the history has every commit of 20 writers of 5 commits each over HTTP exactly once', async (t) => {
  t.timeout(20 * 60_000);
  await writeOverHttp(t, { writers: 20, commits: 5 });
});

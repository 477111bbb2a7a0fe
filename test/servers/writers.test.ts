import test from 'ava';
import { writeOverHttp } from './_writers-over-http.js';

test('20 writers of 5 commits each over HTTP, every commit of which is in the history once', async (t) => {
  t.timeout(20 * 60_000);
  await writeOverHttp(t, { writers: 20, commits: 5 });
});

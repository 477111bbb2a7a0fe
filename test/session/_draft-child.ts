/** Commits a directory to a session: `_draft-child.js HOME DIR SESSION`. It may be killed at any time. */
import process from 'node:process';
import { openRepository } from '../../src/index.js';

const [home, dir, session] = process.argv.slice(2) as [string, string, string];
const store = await openRepository({ home, userId: 'tester' });
await store.session(session).commit(dir);
await store.close();

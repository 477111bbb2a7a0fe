/**
 * The program whose memory `memory.ts` measures, with the package as its users have it: one operation on the session `main` of a home.
 *
 *     node dist/bench/_memory-step.js commit|push|pull|checkout HOME REMOTE [DIR]
 */
import { openRepository } from 'browserstate';

const [step, home, remote, dir] = process.argv.slice(2) as ['commit' | 'push' | 'pull' | 'checkout', string, string, string];
const store = await openRepository({ home, remote });
const session = store.session('main');
if (step === 'commit') await session.commit(dir, { offline: true });
else if (step === 'push') await session.push();
else if (step === 'pull') await session.pull();
else await session.checkout(dir, { offline: true });
await store.close();

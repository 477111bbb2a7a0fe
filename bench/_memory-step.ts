/** The program whose memory `memory.ts` measures: one operation on the session `main` of a home, with a folder as the remote. */
import { systemHost } from '../src/host.js';
import { localProvider, openRepository } from '../src/index.js';

const [step, home, remote, dir] = process.argv.slice(2) as ['commit' | 'push' | 'pull' | 'checkout', string, string, string];
const store = await openRepository({ home, remote: localProvider(remote, systemHost) });
const session = store.session('main');
if (step === 'commit') await session.commit(dir, { offline: true });
else if (step === 'push') await session.push();
else if (step === 'pull') await session.pull();
else await session.checkout(dir, { offline: true });
await store.close();

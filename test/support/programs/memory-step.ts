/**
 * The program whose memory `memory.ts` measures. It uses the package as users do. It runs one
 * operation on the session `main` of a local store. An empty REMOTE means no remote.
 *
 *     node dist/test/support/programs/memory-step.js OPERATION HOME REMOTE [DIR]
 *
 * OPERATION: commit, checkpoint, push, pull, checkout, verify or verify-data.
 */
import { openStore } from 'browserstate';

type Step = 'commit' | 'checkpoint' | 'push' | 'pull' | 'checkout' | 'verify' | 'verify-data';

const [step, home, remote, dir] = process.argv.slice(2) as [Step, string, string, string];
const store = await openStore({ home, remote: remote || undefined });
const session = store.session('main');
if (step === 'commit') await session.commit(dir, { offline: true });
else if (step === 'checkpoint') await session.checkpoint(dir, { offline: true });
else if (step === 'push') await session.push();
else if (step === 'pull') await session.pull();
else if (step === 'checkout') await session.checkout(dir, { offline: true });
else {
  const { findings } = await store.verify({ readData: step === 'verify-data' });
  if (findings.length > 0) throw new Error(JSON.stringify(findings));
}
await store.close();

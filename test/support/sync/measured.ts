/** A remote in memory that measures the cost of work. */
import { memoryProvider } from '../../../src/index.js';
import { counting, latency } from '../faults/providers.js';

export function measured() {
  const inner = counting(memoryProvider());
  const remote = latency(inner);
  const total = () => Object.values(inner.counts.requests).reduce((sum, n) => sum + n, 0);
  const cost = async (work: () => Promise<unknown>): Promise<[rounds: number, requests: number]> => {
    const [rounds, requests] = [remote.rounds(), total()];
    await work();
    return [remote.rounds() - rounds, total() - requests];
  };
  return { inner, remote, cost };
}

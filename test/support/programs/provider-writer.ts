/**
 * A program that adds to a cell by compare-and-swap: `provider-writer.js FOLDER LIMIT NAME COUNT`.
 * It sends each completed attempt to its parent, and may be killed at any time.
 */
import { localProvider } from '../../../src/provider/local/local.js';
import { host } from '../provider/folders.js';
import { type Attempt, attempt, currentValue } from '../provider/history.js';

const [folder, limit, name, count] = process.argv.slice(2) as [string, string, string, string];
const provider = localProvider(folder, host, { entriesPerGeneration: Number(limit) });

async function tell(made: Attempt): Promise<void> {
  await new Promise((resolve) => process.send?.(made, resolve));
}

for (let won = 0, tried = 0; won < Number(count); tried++) {
  const made = await attempt(provider, `${name}-${tried}`, await currentValue(provider), []);
  await tell(made);
  if (made.version === 'unknown' ? (await currentValue(provider)).ids.includes(made.id) : made.version !== undefined) won++;
}
process.disconnect();

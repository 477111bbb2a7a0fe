/** The version of an installed browser, as it reports itself. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { VERSION_TIMEOUT_MS } from '../base/limits.js';

const run = promisify(execFile);

/**
 * Returns the output of `--version`. Returns undefined if the browser prints none, or not in time.
 */
export async function versionOf(executable: string): Promise<string | undefined> {
  try {
    return (await run(executable, ['--version'], { timeout: VERSION_TIMEOUT_MS })).stdout.trim();
  } catch {
    // A launch of the browser will report the problem.
    return undefined;
  }
}

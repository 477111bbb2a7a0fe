/** The version of an installed browser, by its own word. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { VERSION_TIMEOUT_MS } from '../limits.js';

const run = promisify(execFile);

/** What the executable answers to `--version`; undefined where it answers nothing, or not in time. */
export async function versionOf(executable: string): Promise<string | undefined> {
  try {
    return (await run(executable, ['--version'], { timeout: VERSION_TIMEOUT_MS })).stdout.trim();
  } catch {
    // Whatever it is, launching it will tell.
    return undefined;
  }
}

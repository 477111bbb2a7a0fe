/** The version of an installed browser, by its own word. */
import { execFile } from 'node:child_process';
import { VERSION_TIMEOUT_MS } from '../limits.js';

/** What the executable answers to `--version`; undefined where it answers nothing, or not in time. */
export function versionOf(executable: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(executable, ['--version'], { timeout: VERSION_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? stdout.trim() : undefined);
    });
  });
}

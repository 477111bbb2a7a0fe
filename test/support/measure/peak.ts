import { readFileSync } from 'node:fs';
import { resourceUsage } from 'node:process';

/**
 * Returns the most memory that this process has held since its program started, in bytes. On Linux
 * `maxRSS` counts the process that started it too: the new process is a copy of that one at first.
 */
export function peakMemory(): number {
  if (process.platform !== 'linux') return resourceUsage().maxRSS * 1024;
  const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kib === undefined) throw new Error('/proc/self/status has no VmHWM');
  return Number(kib) * 1024;
}

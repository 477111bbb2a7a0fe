import { readFileSync } from 'node:fs';
import { resourceUsage } from 'node:process';

/**
 * Returns the peak memory of this process since its program started, in bytes. On Linux `maxRSS`
 * includes the parent process: the new process is a copy of its parent at first.
 */
export function peakMemory(): number {
  if (process.platform !== 'linux') return resourceUsage().maxRSS * 1024;
  const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kib === undefined) throw new Error('/proc/self/status has no VmHWM');
  return Number(kib) * 1024;
}

/**
 * Facts about processes and the machine, read from /proc. A fact is undefined if /proc lacks it.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Clock ticks per second in /proc. */
const TICKS_A_SECOND = 100;

/**
 * Returns when the process started, in ticks since boot. `own` is the number of this process: /proc
 * may be that of another PID namespace, in which `pid` is another process.
 */
export function startOf(pid: number, own: number): string | undefined {
  if (seen(() => readlinkSync('/proc/self')) !== String(own)) return undefined;
  return seen(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    ?.replace(/^.*\) /s, '')
    .split(' ')[19];
}

/**
 * Returns the processes of the process session that `leader` leads or led, the leader first.
 * Excludes zombies. Returns undefined if /proc does not show the processes.
 */
export function sessionOf(leader: number, own: number): number[] | undefined {
  if (seen(() => readlinkSync('/proc/self')) !== String(own)) return undefined;
  const numbers = seen(() => readdirSync('/proc'))?.filter((name) => /^\d+$/.test(name));
  const members = numbers?.map(Number).filter((pid) => {
    const [state = 'Z', , , session] =
      seen(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
        ?.replace(/^.*\) /s, '')
        .split(' ') ?? [];
    return Number(session) === leader && state !== 'Z' && state !== 'X';
  });
  return members?.sort((a, b) => Number(b === leader) - Number(a === leader));
}

/**
 * Returns when the process started, in milliseconds since 1970, with an error of about a second.
 */
export function startedAt(pid: number, own: number): number | undefined {
  const ticks = startOf(pid, own);
  const boot = /^btime (\d+)$/m.exec(seen(() => readFileSync('/proc/stat', 'utf8')) ?? '')?.[1];
  if (ticks === undefined || boot === undefined) return undefined;
  return Number(boot) * 1000 + (Number(ticks) / TICKS_A_SECOND) * 1000;
}

/**
 * Returns the id of this process's PID namespace. On systems without PID namespaces, all processes
 * have the same id.
 */
export function namespaceOf(platform: string): string | undefined {
  if (platform !== 'linux') return '0';
  return /^pid:\[(\d+)\]$/.exec(seen(() => readlinkSync('/proc/self/ns/pid')) ?? '')?.[1];
}

/** Returns the id of the running kernel. */
export function bootOf(): string | undefined {
  return seen(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
}

/**
 * Returns the id of this machine. Containers of one image may share the machine id, so the host
 * name is included.
 */
export function machineOf(platform: string, hostname: string): string | undefined {
  if (platform !== 'linux') return hostname;
  const id = seen(() => readFileSync('/etc/machine-id', 'utf8'));
  return /^[0-9a-f]{32}\s*$/.test(id ?? '') ? `${id} ${hostname}` : undefined;
}

function seen<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code === undefined) throw error;
    return undefined;
  }
}

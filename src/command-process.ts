/**
 * Commands that work in a mounted directory: a process that leads a session of its own (setsid), and all
 * that it started there. They outlive the process that mounted the directory (SPEC.md R-MOUNT-9).
 */
import { nameOf, type OwnProcess, ownerOf, parseOwner, UNKNOWN } from './owner-name.js';
import { sessionOf, startOf } from './processes.js';

/** Returns the name of a command of this machine, in the form of an owner's without a socket. */
export function commandName(pid: number, own: OwnProcess): string {
  return nameOf({ ...ownerOf(own), pid, start: startOf(pid, own.pid) ?? UNKNOWN, socket: UNKNOWN }, own.hostname);
}

/**
 * Returns the processes of a command that live; none is proof that it is over. Undefined if that cannot be
 * seen from here, as of another PID namespace.
 */
export function commandProcesses(name: string, own: OwnProcess): number[] | undefined {
  const command = parseOwner(name);
  const me = ownerOf(own);
  if (command === undefined || me.boot === UNKNOWN || me.namespace === UNKNOWN) return undefined;
  if (command.boot !== me.boot || command.namespace !== me.namespace) return undefined;
  const { pid, start } = command;
  // Elsewhere than on Linux its process group is all that can be asked for.
  if (own.platform !== 'linux') return own.isAlive(-pid) ? [pid] : [];
  const now = startOf(pid, own.pid);
  if (now === undefined && own.isAlive(pid)) return undefined;
  // A number is not given out again while it names a session.
  if (now !== undefined && start !== UNKNOWN && now !== start) return [];
  return sessionOf(pid, own.pid);
}

/**
 * Commands that work in a mounted directory: a process that leads its own process session (setsid),
 * and all processes that it started there. They outlive the process that mounted the directory
 * (SPEC.md R-MOUNT-9).
 */
import { nameOf, type OwnProcess, ownerOf, parseOwner, UNKNOWN } from './owner-name.js';
import { sessionOf, startOf } from './processes.js';

/**
 * Returns the name of a command of this machine, in the form of an owner's name without a socket.
 */
export function commandName(pid: number, own: OwnProcess): string {
  return nameOf({ ...ownerOf(own), pid, start: startOf(pid, own.pid) ?? UNKNOWN, socket: UNKNOWN }, own.hostname);
}

/**
 * Returns the live processes of a command. An empty list proves that the command has ended. Returns
 * undefined if its processes cannot be seen from here, as in another PID namespace.
 */
export function commandProcesses(name: string, own: OwnProcess): number[] | undefined {
  const command = parseOwner(name);
  const me = ownerOf(own);
  if (command === undefined || me.boot === UNKNOWN || me.namespace === UNKNOWN) return undefined;
  if (command.boot !== me.boot || command.namespace !== me.namespace) return undefined;
  const { pid, start } = command;
  // Outside Linux, only the process group of the command can be checked.
  if (own.platform !== 'linux') return own.isAlive(-pid) ? [pid] : [];
  const now = startOf(pid, own.pid);
  if (now === undefined && own.isAlive(pid)) return undefined;
  // A process number is not reused while it names a process session.
  if (now !== undefined && start !== UNKNOWN && now !== start) return [];
  return sessionOf(pid, own.pid);
}

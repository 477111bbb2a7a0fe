/**
 * Names of owners: a process in a form that all processes of the same local store can check
 * (SPEC.md R-OUT-7).
 */
import { createHash } from 'node:crypto';
import { bootOf, machineOf, namespaceOf, startOf } from './processes.js';

/** The owning process. */
export interface OwnProcess {
  pid: number;
  platform: string;
  hostname: string;
  random(length: number): Uint8Array;
  isAlive(pid: number): boolean;
  onExit(handler: () => void): void;
}

export interface Owner {
  pid: number;
  /** The start of the process, in ticks since boot. */
  start: string;
  /** The PID namespace. */
  namespace: string;
  /** The running kernel. */
  boot: string;
  machine: string;
  /** The file name of the socket: the identity of its folder, and 4 random bytes. */
  socket: string;
}

/** A part of a name that the system does not report. */
export const UNKNOWN = '-';
const namePattern = /^(\d+)\.([0-9a-z]+|-)\.([0-9a-z]+|-)\.([0-9a-f]{8}|-)\.([0-9a-f]{8}|-)\.([0-9a-f]{16}|-)@[\w.-]{1,32}$/;

/** Returns the name of an owner on a host named `hostname`. */
export function nameOf({ pid, start, namespace, boot, machine, socket }: Owner, hostname: string): string {
  const host = hostname.replaceAll(/[^\w.-]/g, '_').slice(0, 32) || UNKNOWN;
  return `${[pid, start, namespace, boot, machine, socket].join('.')}@${host}`;
}

/** Returns the start of a text's SHA-256, as used in names. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Returns the identity of this process. */
export function ownerOf({ pid, platform, hostname }: OwnProcess): Omit<Owner, 'socket'> {
  const known = (text: string | undefined): string => (text === undefined ? UNKNOWN : digest(text));
  const machine = known(machineOf(platform, hostname));
  const boot = platform === 'linux' ? known(bootOf()) : machine;
  return { pid, start: startOf(pid, pid) ?? UNKNOWN, namespace: namespaceOf(platform) ?? UNKNOWN, boot, machine };
}

/** Returns the parts of a name, or undefined for any other string. */
export function parseOwner(name: string): Owner | undefined {
  const [, pid, start, namespace, boot, machine, socket] = namePattern.exec(name) ?? [];
  if (!pid || !start || !namespace || !boot || !machine || !socket) return undefined;
  return { pid: Number(pid), start, namespace, boot, machine, socket };
}

/**
 * Returns the process and the machine in an owner's name, for people. Returns undefined for any
 * other string.
 */
export function describeOwner(name: string): string | undefined {
  const owner = parseOwner(name);
  return owner && `process ${owner.pid} on ${name.slice(name.indexOf('@') + 1)}`;
}

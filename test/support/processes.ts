/**
 * Processes of one machine as values. They share a local store, and each has its own name. A dead
 * process leaves everything unchanged.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Host } from '../../src/base/host.js';
import type { Owners } from '../../src/base/owners.js';
import { type LogEntry, openStore, type Provider, type Session, type Store } from '../../src/index.js';
import { fakeHost } from './host.js';
import { temporary } from './temporary.js';

let machines = 0;

export class TestMachine {
  readonly home: string;
  readonly #alive = new Set<string>();
  readonly #remote: Provider | undefined;
  readonly #seed = `mounts ${machines++}`;

  constructor(t: ExecutionContext, remote?: Provider) {
    this.home = join(temporary(t), 'home');
    this.#remote = remote;
  }

  /** Returns the host of a process, which is alive from now on. */
  host(name: string): Host {
    this.#alive.add(name);
    const owners: Owners = {
      hold: async () => ({ name, release: async () => undefined }),
      state: async (other) => (this.#alive.has(other) ? 'running' : 'gone'),
    };
    return { ...fakeHost(`${this.#seed} ${name}`), owners: () => owners };
  }

  /** Returns the store as a process opens it. */
  process(name: string, changes: Partial<Host> = {}, remote = this.#remote): Promise<Store> {
    return openStore({
      home: this.home,
      userId: 'tester',
      remote,
      host: { ...this.host(name), ...changes },
      transfer: { maxRetries: 0 },
    });
  }

  kill(name: string): void {
    this.#alive.delete(name);
  }

  /** Returns the content of the folders of mounts, by folder. */
  left(): { workspaces: string[]; notes: string[]; records: string[] } {
    const names = (...parts: string[]): string[] => {
      try {
        return readdirSync(join(this.home, 'tester', '.store', ...parts));
      } catch {
        return [];
      }
    };
    const records = names('records').filter((name) => /\.(?:json|stat)/.test(name));
    return { workspaces: names('workspaces'), notes: names('records', 'mounts'), records };
  }
}

export const nothingLeft = { workspaces: [], notes: [], records: [] };

/** Writes files of a profile by path. */
export async function write(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
}

/**
 * Returns a profile with cookies and many files. Losing a tenth of them is not an unexpected loss.
 */
export function profile(mark: string): Record<string, string> {
  const files: Record<string, string> = { 'Local State': '{}', 'Default/Cookies': `cookies ${mark}`, 'Default/Preferences': '{}' };
  for (let i = 0; i < 20; i++) files[`Default/file${i}`] = `content ${i}`;
  return files;
}

/** Mounts a session, writes the profile, and unmounts. */
export async function begin(store: Store, session: string, mark = 'first'): Promise<void> {
  const mount = await store.mount(session);
  await write(mount.dir, profile(mark));
  await mount.unmount();
}

export async function entries(session: Session): Promise<LogEntry[]> {
  const found: LogEntry[] = [];
  for await (const entry of session.log({ offline: true })) found.push(entry);
  return found;
}

export async function sessions(store: Store): Promise<string[]> {
  const names: string[] = [];
  for await (const { session } of store.sessions({ offline: true })) names.push(session);
  return names;
}

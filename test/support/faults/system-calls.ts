/**
 * Calls of the file system that fail. Each call of an operation fails in turn, regardless of the
 * module that makes the call.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Calls = Record<string, Call>;

/** The calls that fail in a run, counted from 1, and the error of the failure. */
export interface Faults {
  errno: 'EIO' | 'EMFILE';
  fails: (index: number, call: string) => boolean;
}

interface Run extends Faults {
  /** The calls so far that could have failed, in order. */
  made: string[];
}

const runs = new AsyncLocalStorage<Run>();

/** Calls that need a descriptor. */
const opening = /^(?:open|opendir|readdir|readFile|writeFile|appendFile|copyFile|cp|rm|mkdtemp)(?:Sync)?$/;
/** Functions that never fail, and functions that are no system calls. */
const harmless = /^(?:exists|watch|unwatch|create|constructor|_|lazy|F_OK|get|on|emit)/;

/** Counts a call. Throws if the call is to fail. */
function enter(name: string, path: unknown): void {
  const run = runs.getStore();
  if (run === undefined || (run.errno === 'EMFILE' && !opening.test(name))) return;
  const call = `${name} ${path}`;
  run.made.push(call);
  if (run.fails(run.made.length, call)) throw failure(run.errno, name.replace(/Sync$/, ''), path);
}

function failure(code: Faults['errno'], syscall: string, path: unknown): Error {
  const where = typeof path === 'string' ? { path } : {};
  return Object.assign(new Error(`${code}: a fault that the test asked for, ${syscall}`), { code, errno: -1, syscall, ...where });
}

/** Calls that close a descriptor. The descriptor is closed even if the call fails. */
const closing = /^close(?:Sync)?$/;

/** Calls that sync. They do nothing, because nothing here loses power. */
const syncing = /^(?:f?data)?(?:fsync|sync)(?:Sync)?$/;

function replace(calls: Calls, isWanted: (name: string) => boolean, isAsync: boolean): void {
  for (const name of Object.getOwnPropertyNames(calls)) {
    const { value: original } = Object.getOwnPropertyDescriptor(calls, name) as { value?: Call };
    if (typeof original !== 'function' || harmless.test(name) || !isWanted(name)) continue;
    const act: Call = function (...args) {
      if (!closing.test(name)) enter(name, args[0]);
      if (syncing.test(name)) return undefined;
      const result = original.apply(this, args);
      if (!closing.test(name)) return result;
      if (!isAsync) return enter(name, args[0]);
      return (result as Promise<unknown>).then(() => enter(name, undefined));
    };
    calls[name] = isAsync
      ? async function (this: unknown, ...args: unknown[]) {
          return act.apply(this, args);
        }
      : act;
  }
}

const handle = await fs.promises.open('/');
const handles = Object.getPrototypeOf(handle) as Calls;
await handle.close();
replace(handles, (name) => !['fd', 'getAsyncId'].includes(name), true);
replace(fs.promises as unknown as Calls, () => true, true);
replace(fs as unknown as Calls, (name) => name.endsWith('Sync'), false);
syncBuiltinESMExports();

/**
 * Runs `body` with the faults. Resolves to its error, if any, and the calls that were made until
 * then.
 */
export async function withFaults(faults: Faults, body: () => Promise<unknown>): Promise<{ error?: unknown; made: readonly string[] }> {
  const run: Run = { ...faults, made: [] };
  try {
    await runs.run(run, body);
    return { made: run.made };
  } catch (error) {
    return { error, made: run.made };
  }
}

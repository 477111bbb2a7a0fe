/**
 * Interference with an interrupted checkout (C5): a checkout dies at a step, then the directory is
 * changed, and then the next command runs. No later write is lost. The directory holds a whole
 * version, or every leftover is named. `force` always gives the exact version.
 */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type BrowserStateError, isError } from '../../../src/index.js';
import { MARKER } from '../../../src/workspace/marker.js';
import { type Listing, readListing, writeProfile } from '../profile.js';
import { dieAt } from './death.js';
import { foreign, openHome } from './killed.js';

export interface Target {
  /** The directory. Its parent holds nothing else except leftovers. */
  dir: string;
  home: string;
  /** The head's version. */
  expected: Listing;
  keepDirectory?: boolean;
  /** True for a mount point, which cannot be removed. */
  isMount?: boolean;
  /** True if nothing can be created next to the directory. */
  isClosed?: boolean;
  /** Replaces the content of the directory with unknown files. */
  renew?: () => void;
}

/** The ways of writing: a full replacement by force, and a change in place. */
export const starts = {
  replaced: { force: true, prepare: async ({ dir }: Target) => writeProfile(dir, foreign) },
  'changed in place': {
    force: false,
    prepare: async ({ dir, home }: Target) => (await openHome(home)).session('main').checkout(dir, { at: 'HEAD~1' }),
  },
} as const;

const MARK = 'written since';

/** The interferences. Each returns the files with the mark. A new kind is one function. */
export const interferences: Record<string, (target: Target) => string[]> = {
  nothing: () => [],
  'a browser recreated it': ({ dir }) => {
    mkdirSync(join(dir, 'Default'), { recursive: true });
    return [mark(join(dir, 'Default', 'Cookies')), mark(join(dir, 'Local State')), mark(join(dir, 'b'))];
  },
  'the user removed it': ({ dir, isMount, isClosed }) => {
    if (!isMount && !isClosed) rmSync(dir, { recursive: true, force: true });
    else for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
    return [];
  },
  'the user removed it, and a browser recreated it': (target) => {
    interferences['the user removed it']?.(target);
    return interferences['a browser recreated it']?.(target) ?? [];
  },
  'the user emptied it': ({ dir }) => {
    for (const name of existsSync(dir) ? readdirSync(dir) : []) {
      if (!name.startsWith('.browserstate-')) rmSync(join(dir, name), { recursive: true });
    }
    return [];
  },
  'a script made it anew, empty': (target) => {
    if (!existsSync(target.dir)) mkdirSync(target.dir);
    return [];
  },
  'the user wrote into it': ({ dir }) => {
    if (!existsSync(dir)) return [];
    const file = readdirSync(dir, { withFileTypes: true }).find((entry) => entry.isFile() && entry.name !== MARKER);
    return [mark(join(dir, 'note')), ...(file ? [mark(join(dir, file.name))] : [])];
  },
  'a browser that was overlooked wrote into what was moved aside': (target) => {
    const old = leftBeside(target).find((path) => path.endsWith('-old'));
    return old === undefined ? [] : [mark(join(old, 'note'))];
  },
};

function mark(path: string): string {
  appendFileSync(path, MARK);
  return path;
}

/**
 * Returns whether a name is that of a leftover. The marker is part of the mixture that it marks,
 * and holds no user data.
 */
function isLeftover(name: string): boolean {
  return name.startsWith('.browserstate-') && name !== MARKER;
}

/** Returns the leftovers of checkouts next to the directory and in it. */
function leftBeside({ dir }: Target): string[] {
  return [dirname(dir), dir].flatMap((place) =>
    (existsSync(place) ? readdirSync(place) : []).filter(isLeftover).map((name) => join(place, name)),
  );
}

async function begin(target: Target, start: keyof typeof starts): Promise<void> {
  const { dir, home } = target;
  const records = join(home, 'tester', '.store', 'records');
  for (const name of existsSync(records) ? readdirSync(records) : []) {
    if (/\.(json|stat|lock)/.test(name)) rmSync(join(records, name), { recursive: true, force: true });
  }
  for (const path of leftBeside(target)) rmSync(path, { recursive: true, force: true });
  if (target.renew !== undefined) return target.renew();
  if (target.isMount) for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
  else rmSync(dir, { recursive: true, force: true });
  await starts[start].prepare(target);
}

/** Returns whether all files are of one version. Files that the user removed are missing. */
function isOfOne(found: Listing, versions: readonly Listing[]): boolean {
  return versions.some((version) => [...found].every(([path, line]) => isSameEntry(version.get(path), line)));
}

/** Compares two lines of a listing. Ignores the time of directories, which emptying changes. */
function isSameEntry(a: string | undefined, b: string): boolean {
  const kindAndMode = (line: string): string => line.split(' ').slice(0, 2).join(' ');
  return a === b || (a !== undefined && b.startsWith('directory') && kindAndMode(a) === kindAndMode(b));
}

/** Returns the number of steps of an undisturbed checkout. */
export async function countSteps(target: Target, start: keyof typeof starts): Promise<number> {
  await begin(target, start);
  const { steps } = await dieAt(Number.POSITIVE_INFINITY, () => checkOut(target, starts[start].force), closedOf(target));
  assert.deepEqual(readListing(target.dir), target.expected);
  return steps;
}

function closedOf({ dir, isClosed }: Target): string | undefined {
  return isClosed ? dirname(dir) : undefined;
}

/** Runs one case. Throws if a check fails. */
export async function interfere(target: Target, start: keyof typeof starts, interference: string, killAt: number): Promise<void> {
  const { dir, home, expected } = target;
  await begin(target, start);
  const old = readListing(dir);
  await dieAt(killAt, () => checkOut(target, starts[start].force), closedOf(target));
  // The dead process is this process, so its lock has no owner.
  const records = join(home, 'tester', '.store', 'records');
  for (const name of readdirSync(records)) if (/\.lock/.test(name)) rmSync(join(records, name), { recursive: true });
  const marked = (interferences[interference] as (target: Target) => string[])(target);
  const contents = marked.map((path) => readFileSync(path, 'utf8'));
  const problem = killAt % 2 === 0 ? await snapshot(target, [old, expected], marked.length > 0) : undefined;
  const failure = await checkOut(target, false).then(
    () => undefined,
    (error: unknown) => error,
  );
  // The written files are in a version by then, so a checkout cannot lose them.
  const isSafe = problem === 'committed with what was written';
  for (const content of isSafe ? [] : contents)
    assert.ok(found(target, content), `${interference}: what was written since is lost (${problem ?? ''})`);
  if (failure === undefined) {
    assert.ok(marked.length === 0 || isSafe, 'the files written since were no obstacle');
    assert.deepEqual(readListing(dir), expected);
    assert.deepEqual(leftBeside(target), []);
    return;
  }
  assert.ok(isError(failure, 'DIRTY'), String(failure));
  for (const path of leftBeside(target)) {
    const { leftovers = [] } = (failure as BrowserStateError).details as { leftovers?: { path: string }[] };
    assert.ok(
      leftovers.some((each) => each.path === path) && failure.message.includes(path),
      `${basename(path)} is not named: ${failure.message}`,
    );
  }
  await checkOut(target, true);
  assert.deepEqual(readListing(dir), expected);
  assert.deepEqual(leftBeside(target), []);
}

function checkOut({ home, dir, keepDirectory, isClosed }: Target, force: boolean): Promise<unknown> {
  const run = async (): Promise<unknown> => (await openHome(home)).session('main').checkout(dir, { force, keepDirectory });
  return isClosed ? dieAt(Number.POSITIVE_INFINITY, run, dirname(dir)) : run();
}

/** Returns whether a file with that content is in the directory or in the leftovers. */
function found(target: Target, content: string): boolean {
  const places = [target.dir, ...leftBeside(target)].filter((path) => existsSync(path));
  return places.some((place) =>
    [...readListing(place)].some(([path, line]) => line.startsWith('file') && readFileSync(join(place, path), 'utf8') === content),
  );
}

/**
 * Commits the directory. Fails unless the directory is a whole version, or a version that was
 * written to since.
 */
async function snapshot({ home, dir }: Target, versions: readonly Listing[], isMarked: boolean): Promise<string | undefined> {
  try {
    await (await openHome(home)).session('probe').commit(dir, { allowShrink: true });
  } catch (error) {
    assert.ok(isError(error, 'DIRTY', 'NOT_FOUND'), String(error));
    return error.code;
  }
  const listing = readListing(dir);
  if (isMarked || listing.size === 0) return 'committed with what was written';
  assert.ok(isOfOne(listing, versions), `a mixture was committed: ${[...listing.keys()].join(', ')}`);
  return 'committed';
}

/** Makes the folder of a target and its parents. */
export function makePlace(folder: string): string {
  const place = join(folder, 'place');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(folder, 'stands here'), '');
  return join(place, 'profile');
}

/** Random profiles and random edits of them. */
import { lstatSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { component } from './arbitraries.js';
import { noise, prose, withPages } from './content.js';
import { directory, type Profile, type ProfileEntry, setFacts, writeEntry } from './profile.js';

const size = fc.oneof(
  { weight: 3, arbitrary: fc.nat(600) },
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_072, 131_073) },
  { weight: 1, arbitrary: fc.integer({ min: 131_073, max: 600_000 }) },
);
const kindOfContent = fc.constantFrom(noise, prose, (length: number) => new Uint8Array(length));
const content = fc.tuple(kindOfContent, size, fc.nat()).map(([make, length, seed]) => make(length, seed));

/** Microseconds from 1906 to 2191. Every file system holds such times, and Node can set them. */
const mtime = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt({ min: 1_500_000_000_000_000n, max: 1_750_000_000_999_999n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: -2_000_000_000_000_000n, max: 7_000_000_000_000_000n }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, -1n, 1n, -1_000_000n, -999_999n, 4_503_599_627_370_497n) },
);
// Files are readable by their owner, because otherwise only root could commit them.
const fileMode = fc.nat(0o777).map((mode) => mode | 0o400);
const directoryMode = fc.nat(0o777).map((mode) => mode | 0o700);
const target = fc.constantFrom('nowhere', '../..', '/etc/passwd', '.', 'a\\b', '\u{1f600}', 'x'.repeat(1000));

const entry: fc.Arbitrary<ProfileEntry> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('file' as const), mode: fileMode, mtime, content }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('directory' as const), mode: directoryMode, mtime }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('symlink' as const), mtime, target }) },
);

// A scan rejects control characters, and no file system here holds a lone name of more than 255
// bytes.
const name = component.filter((text) => !/\p{Cc}/u.test(text) && text !== '.browserstateignore');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

/** A profile of up to 12 paths and the directories above them. */
export const profile: fc.Arbitrary<Profile> = fc
  .array(fc.tuple(path, entry), { maxLength: 12 })
  .map((entries) => entries.reduce<Profile>((all, [at, each]) => put(all, at, each), new Map()));

/** One change of a profile, which may have no effect. */
export interface Edit {
  /** A description for reports of failures. */
  what: string;
  apply(before: Profile): Profile;
}

const made = (what: string, apply: Edit['apply']): Edit => ({ what, apply });

export const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .tuple(fc.nat(), fc.array(fc.nat(15), { minLength: 1, maxLength: 4 }), fc.nat())
    .map(([pick, pages, seed]) => inFile(`pages ${pages}`, pick, (bytes) => withPages(bytes, pages, seed))),
  fc
    .tuple(fc.nat(), fc.nat(9000), fc.nat())
    .map(([pick, more, seed]) => inFile(`append ${more}`, pick, (bytes) => joined(bytes, noise(more, seed)))),
  fc
    .tuple(fc.nat(), fc.nat())
    .map(([pick, keep]) => inFile(`truncate ${keep}`, pick, (bytes) => bytes.slice(0, keep % (bytes.length + 1)))),
  fc.tuple(fc.nat(), path).map(([pick, to]) => made(`rename ${pick} to ${to}`, (before) => rename(before, pathAt(before, pick), to))),
  fc.nat().map((pick) => made(`remove ${pick}`, (before) => remove(before, pathAt(before, pick)))),
  fc.tuple(path, entry).map(([at, each]) => made(`put ${each.kind} ${at}`, (before) => put(before, at, each))),
  fc
    .tuple(fc.nat(), entry)
    .map(([pick, each]) =>
      made(`put ${each.kind} over ${pick}`, (before) => (before.size === 0 ? before : put(before, pathAt(before, pick), each))),
    ),
  fc.tuple(fc.nat(), mtime).map(([pick, time]) => change(`time ${time}`, pick, (each) => ({ ...each, mtime: time }))),
  fc
    .tuple(fc.nat(), fc.nat(0o77))
    .map(([pick, bits]) => change(`mode ${bits}`, pick, (each) => (each.kind === 'symlink' ? each : { ...each, mode: 0o700 | bits }))),
);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function pathAt(profile: Profile, pick: number): string {
  return [...profile.keys()][pick % profile.size] ?? '';
}

function inFile(what: string, pick: number, alter: (bytes: Uint8Array) => Uint8Array): Edit {
  return made(`${what} in file ${pick}`, (before) => {
    const files = [...before].filter(([, each]) => each.kind === 'file');
    const [at, each] = files[pick % files.length] ?? [];
    return at === undefined || each?.kind !== 'file' ? before : new Map(before).set(at, { ...each, content: alter(each.content) });
  });
}

function change(what: string, pick: number, alter: (entry: ProfileEntry) => ProfileEntry): Edit {
  return made(`${what} of ${pick}`, (before) => {
    const at = pathAt(before, pick);
    const each = before.get(at);
    return each === undefined ? before : new Map(before).set(at, alter(each));
  });
}

function rename(before: Profile, from: string, to: string): Profile {
  if (before.size === 0 || to === from || to.startsWith(`${from}/`)) return before;
  const moved = [...before].filter(([at]) => at === from || at.startsWith(`${from}/`));
  return moved.reduce<Profile>((all, [at, each]) => put(all, to + at.slice(from.length), each), remove(before, from));
}

/**
 * Returns the profile with the entry at that path, and the directories above it. Removes all other
 * entries that were there.
 */
function put(before: Profile, at: string, each: ProfileEntry): Profile {
  if (Buffer.byteLength(at) > 2000) return before;
  const after = new Map(each.kind === 'directory' && before.get(at)?.kind === 'directory' ? before : remove(before, at));
  const parts = at.split('/');
  for (let i = 1; i < parts.length; i++) {
    const above = parts.slice(0, i).join('/');
    if (after.get(above)?.kind !== 'directory') after.set(above, directory());
  }
  return after.set(at, each);
}

function remove(before: Profile, at: string): Map<string, ProfileEntry> {
  return new Map([...before].filter(([path]) => path !== at && !path.startsWith(`${at}/`)));
}

/**
 * Changes a directory that holds `before` into `after`, and touches nothing else. Files are changed
 * in place, as browsers do.
 */
export function changeProfile(dir: string, before: Profile, after: Profile): void {
  for (const [at, old] of before) if (after.get(at)?.kind !== old.kind) rmSync(join(dir, at), { recursive: true, force: true });
  const entries = [...after].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [at, each] of entries) {
    const old = before.get(at);
    if (old === each) continue;
    if (each.kind === 'symlink') rmSync(join(dir, at), { force: true });
    const isThere = lstatSync(join(dir, at), { throwIfNoEntry: false }) !== undefined;
    if (each.kind !== 'file' || !isThere) writeEntry(join(dir, at), each);
    else rewrite(join(dir, at), each.content);
  }
  for (const [at, each] of entries.reverse()) setFacts(join(dir, at), each);
}

/** Writes in place: the file keeps its inode. */
function rewrite(path: string, bytes: Uint8Array): void {
  truncateSync(path, bytes.length);
  writeFileSync(path, bytes, { flag: 'r+' });
}

/** fast-check arbitraries of the values that the format encodes. */
import fc from 'fast-check';
import { MAX_SEQUENCE, MAX_TIME } from '../../src/base/limits.js';
import type { Epoch } from '../../src/format/cells.js';
import type { Commit } from '../../src/format/commit.js';
import { type Frame, type Location, type ObjectName, packHeaderLength } from '../../src/format/locator.js';
import { type HistoryEntry, newEntry, type Ref, type RefEvent } from '../../src/format/ref.js';
import type { TreeEntry } from '../../src/format/tree.js';

/**
 * Objects with the fields of `shape`, in the form in which the code makes objects, so that they
 * compare as equal.
 */
const record = <T>(shape: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> =>
  fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<T>;

/** Numbers of any magnitude that a uint can have. */
export const uint: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.integer({ min: 0, max: 53 }).map((n) => Math.max(0, 2 ** n - 1)),
);
/** Milliseconds since 1970. */
const time = uint.map((n) => Math.min(n, MAX_TIME));
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const id: fc.Arbitrary<string> = bytes(32).map((value) => Buffer.from(value).toString('hex'));
export const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength });
const name16 = bytes(16).map((value) => Buffer.from(value).toString('hex'));
const objectName: fc.Arbitrary<ObjectName> = record({ epoch: uint, name: name16 });

/** Names in a profile: unicode, odd characters and long names. */
export const component: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 6, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom('a', 'a.b', 'a-b', 'A', 'b', ' ', '...', '\u{1f600}', '\uffff', '\ue000', 'Ä', 'A\u0308', '__proto__'),
    },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(255), '\u{1f600}'.repeat(63), 'é'.repeat(127)) },
  )
  .filter((name) => !/[/\\\p{Cc}]/u.test(name) && name !== '.' && name !== '..');

/** Paths with all directories above them, in the order of their bytes. */
const paths = fc.array(fc.array(component, { minLength: 1, maxLength: 4 }), { maxLength: 12 }).map((all) => {
  const unique = new Set(all.flatMap((parts) => parts.map((_, i) => parts.slice(0, i + 1).join('/'))));
  return [...unique].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
});

const mtime = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constant(0n), fc.bigInt({ min: -2n, max: 2n }));
const size = fc.oneof(fc.nat(200), fc.constantFrom(65_535, 65_536, 65_537, 131_072, 200_000));

/** Valid trees: every path with entries below it is a directory. */
export const tree: fc.Arbitrary<TreeEntry[]> = paths.chain((all) =>
  fc.tuple(...all.map((path) => (all.some((other) => other.startsWith(`${path}/`)) ? directoryAt(path) : entryAt(path)))),
);

function directoryAt(path: string): fc.Arbitrary<TreeEntry> {
  return record({ kind: fc.constant('directory' as const), path: fc.constant(path), mode: fc.nat(0o777), mtime });
}

function entryAt(path: string): fc.Arbitrary<TreeEntry> {
  const target = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((value) => !value.includes('\0'));
  return fc.oneof(
    directoryAt(path),
    record({ kind: fc.constant('symlink' as const), path: fc.constant(path), mode: fc.constant(0o777), mtime, target }),
    record({ mode: fc.nat(0o777), mtime, size }).chain((facts) =>
      // The blobs are few, so that the same blobs appear repeatedly.
      fc.array(fc.nat(5), { minLength: Math.ceil(facts.size / 65_536), maxLength: Math.ceil(facts.size / 65_536) }).map((blobs) => ({
        kind: 'file' as const,
        path,
        ...facts,
        ids: blobs
          .map((blob, i) => ((Math.min(65_536, facts.size - i * 65_536) + blob) % 256).toString(16).padStart(2, '0').repeat(32))
          .join(''),
      })),
    ),
  );
}

const label = fc.tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), text(20));

export const commit: fc.Arbitrary<Commit> = record({
  tree: id,
  parents: fc.uniqueArray(id, { maxLength: 8 }),
  time,
  message: text(60),
  author: text(40),
  labels: fc.uniqueArray(label, { maxLength: 5, selector: ([key]) => key }).map((pairs) => Object.fromEntries(pairs)),
  files: uint,
  bytes: uint,
  extensions: fc.constant([]),
});

/** Lists of extensions with even tags, which every version carries along. */
export const extensions = fc
  .uniqueArray(record({ tag: fc.maxSafeNat().map((n) => n - (n % 2)), value: fc.uint8Array({ maxLength: 10 }) }), {
    maxLength: 4,
    selector: ({ tag }) => tag,
  })
  .map((all) => all.sort((a, b) => a.tag - b.tag));

export const epoch: fc.Arbitrary<Epoch> = record({
  k: uint.map((k) => Math.max(1, k)),
  condemned: fc
    .uniqueArray(record({ folder: fc.constantFrom('packs' as const, 'manifests' as const, 'segments' as const), name: objectName }), {
      maxLength: 6,
      selector: ({ folder, name }) => `${folder} ${name.epoch} ${name.name}`,
    })
    .map((all) =>
      all.sort((a, b) => tagOf(a.folder) - tagOf(b.folder) || a.name.epoch - b.name.epoch || (a.name.name < b.name.name ? -1 : 1)),
    ),
});
const tagOf = (folder: string): number => folder.toUpperCase().charCodeAt(0);

const entry: fc.Arbitrary<HistoryEntry> = fc
  .tuple(fc.constantFrom('commit' as const, 'rollback' as const, 'merge' as const, 'recovered' as const), commit, objectName)
  .map(([op, value, manifest]) => newEntry(op, value, manifest));
export const entries = fc
  .uniqueArray(entry, { maxLength: 4, selector: ({ id }) => id })
  .filter((all) => new Set(all.map(({ manifest }) => `${manifest.epoch}-${manifest.name}`)).size === all.length);

const event: fc.Arbitrary<RefEvent> = record({
  op: fc.constantFrom('create' as const, 'fork' as const, 'tag' as const, 'delete' as const, 'restart' as const),
  time,
  author: text(20),
  nonce: bytes(16),
  detail: text(30),
});
const tagName = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._@-]{0,20}$/).filter((name) => !/^[0-9a-fA-F]+$/.test(name) && name !== 'HEAD');

/** Valid refs. Only a session with entries has segments, tags and a head. */
export const ref: fc.Arbitrary<Ref> = record({
  state: fc.constantFrom('live' as const, 'deleted' as const),
  sequence: uint.map((n) => Math.min(Math.max(1, n), MAX_SEQUENCE)),
  nonce: bytes(16),
  epoch: uint,
  etagStyle: fc.constantFrom('returned' as const, 'unquoted' as const),
  lease: fc.option(record({ owner: text(30), expiry: time }), { nil: undefined }),
  tags: fc
    .dictionary(tagName, id, { maxKeys: 4, noNullPrototype: true })
    .map((tags) => new Map(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)))),
  entries,
  segments: fc.uniqueArray(record({ name: objectName, entries: fc.integer({ min: 1, max: 1024 }) }), {
    maxLength: 4,
    selector: ({ name }) => `${name.epoch}-${name.name}`,
  }),
  events: fc.array(event, { maxLength: 4 }),
  head: fc.uint8Array({ maxLength: 40 }),
  extensions,
}).map((value) => {
  const none = { entries: [], segments: [], tags: new Map<string, string>(), head: new Uint8Array(0) };
  if (value.state === 'deleted') return { ...value, ...none, lease: undefined };
  return value.entries.length > 0 ? value : { ...value, ...none };
});

/** Lengths of blobs and locations that hold them, in frames of a few packs. */
export const locations: fc.Arbitrary<{ lengths: number[]; locations: Location[] }> = fc
  .uniqueArray(record({ name: objectName, frames: fc.array(frameShape(), { minLength: 1, maxLength: 4 }) }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ name }) => name.name,
  })
  .chain((packs) => {
    const frames = packs.flatMap(({ name, frames: shapes }) => placeFrames(name, shapes));
    const frame = fc.constantFrom(...frames);
    return fc.array(fc.tuple(frame, fc.array(fc.tuple(frame, fc.integer({ min: 1, max: 0xffff })), { maxLength: 8 }), fc.nat(), fc.nat()), {
      maxLength: 8,
    });
  })
  .map((drafts) => {
    const made = drafts.map(([frame, patches, a, b]) => locate(frame, patches, a, b));
    return { lengths: made.map(({ length }) => length), locations: made.map(({ location }) => location) };
  });

function frameShape(): fc.Arbitrary<Pick<Frame, 'codec' | 'storedLength' | 'length'> & { gap: number }> {
  const codec = fc.constantFrom('raw' as const, 'deflate' as const, 'brotli' as const, 'zstd' as const);
  return fc
    .tuple(codec, fc.nat(1000), fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 65_536, max: 262_144 }))
    .map(([kind, gap, stored, length]) => {
      const whole = kind === 'raw' ? length : stored;
      return { codec: kind, gap, storedLength: whole, length };
    });
}

function placeFrames(pack: ObjectName, shapes: (Omit<Frame, 'pack' | 'offset'> & { gap: number })[]): Frame[] {
  let end = packHeaderLength(pack);
  return shapes.map(({ gap, ...shape }) => {
    const frame = { pack, offset: end + gap, ...shape };
    end = frame.offset + frame.storedLength;
    return frame;
  });
}

function locate(frame: Frame, patches: [Frame, number][], a: number, b: number): { length: number; location: Location } {
  const baseLength = 1 + (a % 65_536);
  const room = (each: Frame, need: number): boolean => each.length >= need;
  const fitting = patches
    .map(([each, bits]) => ({ frame: each, offset: 0, bitmap: bits & 0x7fff || 1 }))
    .filter((patch) => room(patch.frame, 15 * 4096));
  const length = fitting.length > 0 ? 1 + (b % 65_536) : Math.max(1, baseLength - (b % 3));
  const offset = b % (frame.length - baseLength + 1);
  return { length, location: { frame, offset, baseLength, patches: fitting } };
}

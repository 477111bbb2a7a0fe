/**
 * Compaction: long histories stay within the limits of a cold mount, and no blob changes (SPEC.md
 * 11.1).
 */
import test from 'ava';
import fc from 'fast-check';
import { objectKey } from '../../../../src/format/keys.js';
import { framesOf, type PatchLocation } from '../../../../src/format/locator.js';
import type { BlobPlace } from '../../../../src/format/manifest.js';
import type { ObjectId } from '../../../../src/format/object-id.js';
import { memoryProvider } from '../../../../src/index.js';
import { BlobReader } from '../../../../src/repository/read/blob-reader.js';
import { allowedRanges, planFetch } from '../../../../src/repository/read/fetch-plan.js';
import { Repository } from '../../../../src/repository/repository.js';
import { BlobWriter } from '../../../../src/repository/write/blob-writer.js';
import { compact, planCompaction } from '../../../../src/repository/write/compaction.js';
import { noise, prose, withPages } from '../../../support/content.js';
import { fakeHost } from '../../../support/host.js';
import { holds } from '../../../support/property.js';

interface Slot {
  id: ObjectId;
  bytes: Uint8Array;
}

/** Pushes of versions of a profile of chunks. */
class Remote {
  readonly chunks = new Map<string, Uint8Array>();
  #slots = new Map<string, Slot>();
  places: ReadonlyMap<ObjectId, BlobPlace> = new Map();
  /** Bytes of packs, and the uncompressed new bytes. */
  sent = 0;
  changed = 0;

  private constructor(readonly repository: Repository) {}

  static async create(): Promise<Remote> {
    return new Remote(await Repository.init(memoryProvider(), fakeHost()));
  }

  async push({ compacts = true } = {}): Promise<void> {
    const writer = new BlobWriter(this.repository, {
      compression: 'auto',
      known: this.places,
      epoch: () => 1,
    });
    const slots = new Map<string, Slot>();
    const blobs = new Map<ObjectId, Uint8Array>();
    for (const [name, bytes] of this.chunks) {
      const old = this.#slots.get(name);
      const reserved = await writer.reserve(bytes.length);
      reserved.set(bytes);
      const place = old && this.places.get(old.id);
      const id = writer.add(reserved, old && place && { id: old.id, place });
      slots.set(name, { id, bytes });
      blobs.set(id, bytes);
    }
    await writer.settle();
    if (compacts)
      await compact(
        writer,
        Array.from(blobs.keys(), (id) => [id, writer.place(id) as BlobPlace]),
        (id, place) => writer.read(id, place),
      );
    await writer.finish();
    await writer.acknowledged();
    this.#slots = slots;
    this.places = new Map([...blobs.keys()].map((id) => [id, writer.place(id) as BlobPlace]));
    this.sent += writer.storedBytes;
    this.changed += writer.newBytes;
  }

  idOf(name: string): ObjectId {
    return (this.#slots.get(name) as Slot).id;
  }

  /** Returns the faults of the head: a broken limit, or a blob that is wrong or cannot be read. */
  async faults(): Promise<string[]> {
    const { spans, liveBytes, fetchBytes } = planFetch(this.places.values());
    const faults: string[] = [];
    if (spans.length > allowedRanges(liveBytes)) faults.push(`${spans.length} ranges for ${liveBytes} live bytes`);
    if (fetchBytes > 1.5 * liveBytes) faults.push(`${fetchBytes} bytes fetched for ${liveBytes} live ones`);
    const reader = new BlobReader(this.repository);
    for (const [name, { id, bytes }] of this.#slots) {
      const read = await reader.read(id, this.places.get(id) as BlobPlace);
      if (Buffer.compare(read, bytes) !== 0) faults.push(`${name} reads as other bytes`);
    }
    return faults;
  }
}

type Step = (chunks: Map<string, Uint8Array>, seed: number) => void;

const name = fc.nat(7).map((n) => `chunk ${n}`);
const content = fc.tuple(fc.constantFrom(noise, prose), fc.integer({ min: 1, max: 65_536 }), fc.nat());
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(name, content).map(
      ([at, [make, size, seed]]): Step =>
        (chunks) =>
          void chunks.set(at, make(size, seed)),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(name, fc.array(fc.nat(15), { minLength: 1, maxLength: 5 })).map(
      ([at, pages]): Step =>
        (chunks, seed) =>
          void chunks.set(at, withPages(chunks.get(at) ?? noise(65_536, at), pages, seed)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(name, fc.integer({ min: 1, max: 65_536 })).map(
      ([at, size]): Step =>
        (chunks) =>
          void chunks.set(at, (chunks.get(at) ?? noise(65_536, at)).slice(0, size)),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (at): Step =>
        (chunks) =>
          void chunks.delete(at),
    ),
  },
);

test('R-COMPACT-1, R-COMPACT-2: after every commit of any history the limits hold and every blob is unchanged', async (t) => {
  const history = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 30 });
  await holds(
    t,
    fc.asyncProperty(history, async (commits) => {
      const remote = await Remote.create();
      for (const [number, steps] of commits.entries()) {
        for (const change of steps) change(remote.chunks, number);
        await remote.push();
        const faults = await remote.faults();
        if (faults.length > 0) throw new Error(`after commit ${number}: ${faults.join('; ')}`);
      }
    }),
    { numRuns: 40 },
  );
});

/**
 * Commits versions in which hot pages change in every commit, and some of all other pages, as in
 * databases.
 */
async function run(commits: number, options: { compacts: boolean }): Promise<{ remote: Remote; first: number; firstChanged: number }> {
  const remote = await Remote.create();
  for (let i = 0; i < 60; i++) remote.chunks.set(`chunk ${i}`, noise(65_536, i));
  await remote.push(options);
  const { sent: first, changed: firstChanged } = remote;
  for (let commit = 0; commit < commits; commit++) {
    for (let i = 0; i < 6; i++) {
      const at = `chunk ${i < 3 ? i : (commit * 7 + i * 13) % 60}`;
      remote.chunks.set(at, withPages(remote.chunks.get(at) as Uint8Array, i < 3 ? [0, 1] : [(commit * 5 + i) % 16], `${commit} ${i}`));
    }
    await remote.push(options);
  }
  return { remote, first, firstChanged };
}

test('R-COMPACT-1, R-COMPACT-3: 300 commits stay within the limits and send less than three times the changed bytes', async (t) => {
  const { remote, first, firstChanged } = await run(300, { compacts: true });
  t.deepEqual(await remote.faults(), []);
  const times = (remote.sent - first) / (remote.changed - firstChanged);
  t.log(`sent ${times.toFixed(2)} times what changed`);
  t.true(times < 3, `sent ${times} times what changed`);
});

test('R-COMPACT-1: without compaction the same history breaks the limits', async (t) => {
  const { remote, first, firstChanged } = await run(60, { compacts: false });
  t.not((await remote.faults()).length, 0);
  t.true((remote.sent - first) / (remote.changed - firstChanged) < 1.1);
});

test('R-COMPACT-3: blobs within the limits keep their location', async (t) => {
  const { remote } = await run(3, { compacts: false });
  for (const rewrite of planCompaction(remote.places, new Set()).values()) t.is(rewrite === 'whole' ? rewrite : rewrite.bitmap, 0);
});

test('R-COMPACT-3: a damaged blob keeps its location and fails no commit', async (t) => {
  const { remote } = await run(12, { compacts: false });
  const packs = (): Set<string> =>
    new Set([...remote.places.values()].flatMap(({ location }) => framesOf(location)).map(({ pack }) => pack.name));
  const before = packs();
  const damaged = remote.places.get(remote.idOf('chunk 39')) as BlobPlace;
  const lost = objectKey('packs', (damaged.location.patches[0] as PatchLocation).frame.pack);
  await remote.repository.provider.delete(lost);
  remote.chunks.set('chunk 59', noise(100, 'small'));
  await remote.push();
  t.true(packs().size < before.size, 'it compacted');
  t.deepEqual(remote.places.get(remote.idOf('chunk 39')), damaged);
});

test('R-COMPACT-2: a patch without an effect leaves the location, and no byte is moved', async (t) => {
  const remote = await Remote.create();
  for (let commit = 0; commit < 4; commit++) {
    remote.chunks.set('a', withPages(noise(65_536, 'a'), commit === 0 ? [] : [3], commit));
    await remote.push();
  }
  const [place] = remote.places.values();
  t.is(framesOf((place as BlobPlace).location).length, 2);
  t.deepEqual(await remote.faults(), []);
});

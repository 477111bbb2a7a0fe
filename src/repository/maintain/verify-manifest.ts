/**
 * The verification of one manifest, and of the blobs that it names. Each location of a blob is
 * verified once, for all manifests that name it.
 */
import { sha256 } from '#platform';
import { toHex, utf8 } from '../../base/bytes.js';
import { DIGEST_BYTES } from '../../format/envelope.js';
import { objectKey } from '../../format/keys.js';
import { frameKey, framesOf, type Location, type ObjectName } from '../../format/locator.js';
import type { Manifest } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { HistoryEntry } from '../../format/ref.js';
import type { RequestOptions } from '../../provider/provider.js';
import { BlobReader } from '../read/blob-reader.js';
import type { Repository } from '../repository.js';
import type { Finding, Findings } from './findings.js';

/** The result for a checked manifest. Other sessions with the same manifest reuse the result. */
export interface Checked {
  id: ObjectId;
  packs: readonly ObjectName[];
  findings: readonly Finding[];
}

export class ManifestCheck {
  /** Bytes read from packs. */
  bytesRead = 0;
  readonly #repository: Repository;
  readonly #findings: Findings;
  /** Sizes of the existing objects, by key. */
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #options: RequestOptions & { readData?: boolean | undefined };
  /** Locations that were read, by a digest of each location, with the findings. */
  readonly #verified = new Map<string, Finding | undefined>();

  constructor(
    repository: Repository,
    findings: Findings,
    sizes: ReadonlyMap<string, number>,
    options: RequestOptions & { readData?: boolean | undefined },
  ) {
    this.#repository = repository;
    this.#findings = findings;
    this.#sizes = sizes;
    this.#options = options;
  }

  /** Checks the manifest that the entry names, for the session. */
  async check(entry: HistoryEntry, session: string): Promise<Checked> {
    const found = new Set<Finding>();
    // The tree, which is as large as all other parts, is not kept while the blobs are read.
    const read = async () => (await this.#repository.readManifest(entry, this.#options)).blobs;
    const { value: blobs, damage } = await this.#findings.attempt(objectKey('manifests', entry.manifest), read, [session]);
    if (blobs === undefined) return { id: entry.id, packs: [], findings: damage ? [damage] : [] };
    const packs = new Map<string, ObjectName>();
    for (const { location } of blobs.values()) {
      for (const { pack, offset, storedLength } of framesOf(location)) {
        const key = objectKey('packs', pack);
        packs.set(key, pack);
        const size = this.#sizes.get(key);
        if (size === undefined || offset + storedLength <= size - DIGEST_BYTES) continue;
        const message = `it has ${size} bytes with its digest, and a frame ends at ${offset + storedLength}`;
        found.add(this.#findings.add('DAMAGED', key, message, [session]));
      }
    }
    if (this.#options.readData) await this.#readBlobs(blobs, session, found);
    return { id: entry.id, packs: [...packs.values()], findings: [...found] };
  }

  async #readBlobs(blobs: Manifest['blobs'], session: string, found: Set<Finding>): Promise<void> {
    const reader = new BlobReader(this.#repository, this.#options);
    const fresh = new Map<string, ObjectId>();
    for (const [id, { location }] of blobs) {
      const place = placeOf(id, location);
      const known = this.#verified.get(place);
      if (known !== undefined) found.add(known);
      else if (!this.#verified.has(place)) fresh.set(place, id);
    }
    reader.plan([...fresh.values()].map((id) => blobs.get(id)).filter((place) => place !== undefined));
    for (const [at, id] of fresh) {
      const place = blobs.get(id);
      if (place === undefined) continue;
      const read = () => reader.read(id, place);
      const { damage } = await this.#findings.attempt(objectKey('packs', place.location.frame.pack), read, [session]);
      this.#verified.set(at, damage);
      if (damage !== undefined) found.add(damage);
    }
    this.bytesRead += reader.fetchedBytes;
  }
}

/**
 * Returns a digest of a blob and its location, short enough to keep for every blob of a repository.
 */
function placeOf(id: ObjectId, { frame, offset, baseLength, patches }: Location): string {
  const parts = [
    id,
    frameKey(frame),
    offset,
    baseLength,
    ...patches.flatMap((patch) => [frameKey(patch.frame), patch.offset, patch.bitmap]),
  ];
  return toHex(sha256(utf8(parts.join(' '))).subarray(0, 16));
}

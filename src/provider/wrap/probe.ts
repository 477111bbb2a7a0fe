/**
 * The probe of a store's conditional writes, on which everything else depends (SPEC.md R-S3-10).
 * Some compatible stores accept the headers and ignore them. Every writer wins there, and history
 * is lost without an error. So a remote is probed once, before its repository is created.
 */
import { BrowserStateError, check } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import type { Provider, RequestOptions, Version } from '../provider.js';

/**
 * The cell that the probe swaps. The cell stays, since cells cannot be deleted. Any number of
 * processes may probe at once.
 */
export const PROBE_KEY = 'probe';

/** Hint that names stores that pass the probe. */
export const STORES_HINT = 'Use one that has them: AWS S3, Cloudflare R2, Ceph, MinIO, Tigris or Google Cloud Storage.';

const BODY_BYTES = 16;
const RACERS = 4;
/**
 * Rounds without a winner from an unchanged version, after which a store counts as one that rejects
 * every swap.
 */
const MAX_REFUSALS = 10;
/** Rounds that other probes may win: of any number of probes at once, one wins each time. */
const MAX_ATTEMPTS = 1000;

/**
 * Resolves if conditions hold. An existing cell is not created again, of several swaps from one
 * version at most one wins, and a swap from an older version loses. Throws UNSUPPORTED with the
 * reason if conditions do not hold, and the provider's errors. Needs 4 or 5 round trips.
 */
export async function probeProvider(provider: Provider, host: Pick<Host, 'random'>, options: RequestOptions = {}): Promise<void> {
  await provider.probe?.(options);
  const swap = (expected: Version | null): Promise<Version | undefined> =>
    provider.swap(PROBE_KEY, host.random(BODY_BYTES), expected, options);
  let version = (await swap(null)) ?? null;
  if (version !== null && (await swap(null)) !== undefined) throw ignoring(provider, 'a cell that existed was created a second time');
  let lost: Version | undefined;
  let refusals = 0;
  for (let attempt = 0; attempt < MAX_ATTEMPTS && refusals < MAX_REFUSALS; attempt++) {
    const before = version ?? (await readVersion(provider, options));
    if (before === lost) refusals++;
    [version, lost] = [null, before];
    const racers = await Promise.all(Array.from({ length: RACERS }, () => swap(before)));
    const winners = racers.filter((version) => version !== undefined);
    if (winners.length > 1) throw ignoring(provider, `${winners.length} of ${RACERS} writers replaced the same version`);
    if (winners.length === 0) continue;
    if ((await swap(before)) !== undefined) throw ignoring(provider, 'a version that was no longer current was replaced');
    return;
  }
  throw ignoring(provider, 'no writer could replace the version that it had read');
}

async function readVersion(provider: Provider, options: RequestOptions): Promise<Version> {
  const cell = await provider.read(PROBE_KEY, options);
  check(cell !== undefined && cell !== 'unchanged', `${PROBE_KEY}: expected the cell that was just written, found none`);
  return cell.version;
}

function ignoring(provider: Provider, found: string): BrowserStateError {
  return new BrowserStateError('UNSUPPORTED', `${provider.url} does not honor conditional writes: ${found}`, {
    hint: `Writers would silently overwrite each other there. ${STORES_HINT}`,
  });
}

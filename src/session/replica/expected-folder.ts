/** The guard of a remote in a folder, whose disk may be missing or another one. */
import { equalBytes } from '../../base/bytes.js';
import { BrowserStateError, ignore, readingKey } from '../../base/errors.js';
import { openEnvelope } from '../../format/envelope.js';
import { CONFIG_KEY } from '../../format/keys.js';
import type { Provider } from '../../provider/provider.js';

/**
 * Returns a provider that throws UNREACHABLE unless the folder has the repository that was `seen`:
 * the disk would hide a new one. Returns undefined for other providers.
 */
export function guardFolder(provider: Provider, seen: () => Promise<Uint8Array | undefined>, notes: string): Provider | undefined {
  const isExpected = async (config: Uint8Array | 'damaged' | undefined): Promise<boolean> => {
    const id = await seen();
    if (id === undefined) return false;
    const identity = { kind: 'config', repository: undefined, key: CONFIG_KEY } as const;
    const opened = config instanceof Uint8Array ? readingKey(CONFIG_KEY, () => openEnvelope(config, identity)) : undefined;
    const found = (await opened?.catch(ignore('INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')))?.repository;
    // A damaged config surfaces when it is read.
    if (config !== undefined && (found === undefined || equalBytes(found, id))) return true;
    const problem =
      config === undefined
        ? 'the folder of the remote is not there; is its disk mounted?'
        : 'the folder of the remote holds another repository than the one that was seen there; is the right disk mounted?';
    throw new BrowserStateError('UNREACHABLE', `${provider.url}: ${problem}`, {
      hint: `Mount its disk and repeat the command. If the folder was emptied or replaced on purpose, remove ${notes} first.`,
    });
  };
  return provider.expecting?.({ key: CONFIG_KEY, isExpected });
}

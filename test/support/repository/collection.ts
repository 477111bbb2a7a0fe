/** The steps of a garbage collection, taken one by one in the store of the user `tester`. */
import type { Condemned } from '../../../src/format/cells.js';
import { nameOfKey, type ObjectFolder } from '../../../src/format/keys.js';
import type { Provider } from '../../../src/index.js';
import { scoped } from '../../../src/provider/wrap/scoped.js';
import { Repository, type StoredEpoch } from '../../../src/repository/repository.js';
import { fakeHost } from '../host.js';

export async function repositoryOf(provider: Provider): Promise<Repository> {
  const found = await Repository.open(scoped(provider, 'tester/.store/'), fakeHost('collector'));
  if (found === undefined) throw new Error('there is no repository');
  return found;
}

/** Returns the names of all objects of a kind that are not in `but`, in the order of an epoch. */
export async function namesOf({ provider }: Repository, folder: ObjectFolder, but: ReadonlySet<string> = new Set()): Promise<Condemned[]> {
  const keys: string[] = [];
  for await (const { key } of provider.list(`${folder}/`)) if (!but.has(key)) keys.push(key);
  const names = keys.sort().map((key) => nameOfKey(folder, key));
  return names.filter((name) => name !== undefined).map((name) => ({ folder, name }));
}

/** Condemns names in the next epoch. */
export async function condemn(repository: Repository, names: readonly Condemned[]): Promise<StoredEpoch> {
  const next = await repository.nextEpoch(await repository.epoch(), names);
  if (next === undefined) throw new Error('another process changed the epoch');
  return next;
}

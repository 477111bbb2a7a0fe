/**
 * Agreement of verify and readers (B2, B8). Each case is a repository that breaks one rule of
 * SPEC.md. Verify and a reader of every version run on it, and their results are compared with the
 * tag of the rule.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { objectId } from '../../../../src/format/object-id.js';
import { isError, memoryProvider, type Provider } from '../../../../src/index.js';
import { type Forged, forged, idOf, seal } from '../../../support/forge.js';
import { providerOf } from '../../../support/provider-content.js';
import { type Notices, ruleCases } from '../../../support/repository/rule-cases.js';
import { machine } from '../../../support/sync/machines.js';

/** Reads every version of the session, like a new machine. */
async function read(t: ExecutionContext, remote: Provider, { versions }: Forged): Promise<'whole' | 'absent' | 'rejected'> {
  const { session, directory } = await machine(t, remote, 'main', memoryProvider());
  try {
    let commits = 0;
    for await (const { commit } of session.log({ limit: 10_000 })) commits += commit.length > 0 ? 1 : 0;
    t.is(commits, versions.length);
    for (const at of ['HEAD', 'HEAD~1', 'good']) {
      const dir = directory();
      const { commit } = await session.checkout(dir, { at }).catch((error: unknown) => {
        // An entry after its parent's entry is the last one.
        if (at !== 'HEAD~1' || !isError(error, 'NOT_FOUND')) throw error;
        return { commit: undefined };
      });
      const [file] = versions.find((version) => idOf(version) === commit)?.tree ?? [];
      if (file?.kind === 'file') t.is(objectId('blob', readFileSync(join(dir, 'a'))), file.ids);
    }
    return 'whole';
  } catch (error) {
    if (isError(error, 'NOT_FOUND')) return 'absent';
    if (!isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
    return 'rejected';
  }
}

async function verify(t: ExecutionContext, remote: Provider, readData: boolean): Promise<string[]> {
  const { store } = await machine(t, remote, 'main', memoryProvider());
  return (await store.verify({ on: 'remote', readData })).findings.map(({ code, key, message }) => `${code} ${key}: ${message}`);
}

const expected: Record<Notices, { reads: 'whole' | 'rejected'; plain: boolean; data: boolean }> = {
  reader: { reads: 'rejected', plain: true, data: true },
  blob: { reads: 'rejected', plain: false, data: true },
  check: { reads: 'whole', plain: true, data: true },
  data: { reads: 'whole', plain: false, data: true },
  nobody: { reads: 'whole', plain: false, data: false },
};

for (const [rule, tag, alter] of ruleCases) {
  test(`B8: ${rule}: ${tag}`, async (t) => {
    const repository = forged();
    alter(repository);
    const remote = await providerOf(await seal(repository));
    const [reads, plain, data] = [await read(t, remote, repository), await verify(t, remote, false), await verify(t, remote, true)];
    t.log([...plain, ...data.filter((each) => !plain.includes(each))]);
    t.deepEqual({ reads: reads === 'rejected' ? reads : 'whole', plain: plain.length > 0, data: data.length > 0 }, expected[tag]);
  });
}

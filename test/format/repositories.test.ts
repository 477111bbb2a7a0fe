/**
 * Hostile repositories, read from SPEC.md alone. The second reader accepts and rejects the same as
 * the library's readers, and as the tag of each rule says (B2, B8). The library's readers and its
 * check run on the same cases in test/unit/repository/maintain/rule-tags.test.ts. Manifests have
 * their own cases in test/integration/sync/hostile-manifests.test.ts.
 */
import test from 'ava';
import { encodeCommit } from '../../src/format/commit.js';
import { objectId } from '../../src/format/object-id.js';
import { forged, seal } from '../support/forge.js';
import { type Notices, ruleCases } from '../support/repository/rule-cases.js';
import { namedRules, rules, type Tag } from '../support/spec/rules.js';
import { manifestCases } from '../support/sync/manifest-cases.js';
import { contentSource, IndependentReader, Refusal } from './reader/reader.js';

const tagOf: Record<Notices, Tag> = {
  reader: 'reader refuses',
  blob: 'reader refuses',
  check: 'check only',
  data: 'check only',
  nobody: 'writer only',
};

const manifests = manifestCases.map(([name, alter]): (typeof ruleCases)[0] => [name, 'reader', ({ versions }) => alter(versions[0])]);

for (const [name, notices, alter] of [...ruleCases, ...manifests]) {
  test(`B8: ${name}: ${tagOf[notices]}`, async (t) => {
    const repository = forged();
    await alter(repository);
    const reader = new IndependentReader(contentSource(await seal(repository), 'tester/.store/'), true);
    const readAll = (): void => {
      const history = reader.history('main');
      for (const entry of history) {
        const version = repository.versions.find(({ commit }) => objectId('commit', encodeCommit(commit)) === entry.id);
        const files = reader.entries('main', entry).map(({ path, content }) => [path, objectId('blob', content)]);
        const expected = version?.tree.map((file) => [file.path, file.kind === 'file' ? file.ids : '']);
        t.deepEqual(files, expected as string[][]);
      }
      if (history.length > 0) t.is(reader.resolve('main', 'good')?.id, reader.tags('main').get('good'));
    };
    if (tagOf[notices] === 'reader refuses') t.throws(readAll, { instanceOf: Refusal });
    else t.notThrows(readAll);
    for (const id of namedRules(name.split(':')[0] as string)) t.is(rules.find((rule) => rule.id === id)?.tag, tagOf[notices], id);
  });
}

/** The rules of SPEC.md. They are tagged and tested, and nothing names an absent rule (B8). */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'ava';
import { ruleCases } from '../support/repository/rule-cases.js';
import { folderCases } from '../support/spec/folders.js';
import { namedRules, parseRules, root, rules, specText, tags } from '../support/spec/rules.js';
import { formats } from './vectors/generate.js';

/** Returns the rules that the files below a folder name, with the files. */
function namedIn(folder: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
    const path = join(root, folder, name);
    if (!/\.(?:ts|json)$/.test(name)) continue;
    for (const id of namedRules(readFileSync(path, 'utf8'))) found.set(id, [...(found.get(id) ?? []), relative(root, path)]);
  }
  return found;
}

const known = new Set(rules.map(({ id }) => id));

test('B8: every rule has an id that is used once, and one of the three tags', (t) => {
  t.true(rules.length > 100);
  t.deepEqual(
    rules.filter(({ id }, i) => rules.findIndex((other) => other.id === id) !== i).map(({ id }) => id),
    [],
  );
  t.deepEqual(
    rules.filter(({ tag }) => !(tags as readonly string[]).includes(tag)).map(({ id, tag }) => `${id} (${tag})`),
    [],
  );
  // A definition in another form, which the pattern does not find, would have no tag.
  const bold = new Set([...specText.matchAll(/\*\*(R-[A-Z0-9-]+)\*\*/g)].map(([, id]) => id as string));
  t.deepEqual([...bold], [...known]);
});

test('B8: every rule is named by a test', (t) => {
  const named = namedIn('test');
  t.deepEqual(
    rules.filter(({ id }) => !named.has(id)).map(({ id }) => id),
    [],
  );
});

/**
 * Sections whose data the second reader reads. A violation of their rules is a vector or a hostile
 * repository.
 */
const readAlone = /^(?:[1-9]|1[234])(?:\.|$)|^10\.1$/;

test('B8: a rule that readers enforce has a vector or a hostile repository, and one that a check enforces has a repository', (t) => {
  const broken = new Set<string>();
  const name = (text: string): void => namedRules(text.split(':')[0] as string).forEach((id) => void broken.add(id));
  for (const format of formats) for (const { rule } of format.refused) name(rule);
  for (const [title] of [...folderCases, ...ruleCases]) name(title);
  t.deepEqual(
    rules.filter(({ id, tag, section }) => tag !== 'writer only' && readAlone.test(section) && !broken.has(id)).map(({ id }) => id),
    [],
  );
});

for (const folder of ['SPEC.md', 'src', 'cli', 'test', 'bench']) {
  test(`B8: ${folder} names no rule that SPEC.md does not have`, (t) => {
    const named = folder === 'SPEC.md' ? new Map([...namedRules(specText)].map((id) => [id, ['SPEC.md']])) : namedIn(folder);
    t.deepEqual(
      [...named].filter(([id]) => !known.has(id)).map(([id, files]) => `${id} in ${files.join(', ')}`),
      [],
    );
  });
}

test('B8: a rule without a tag, with another tag, or twice is seen', (t) => {
  const text = '### 3.1 Tree\n- **R-ID** *(reader refuses)* One.\n- **R-PATH** Two.\n- **R-PATH** *(nobody)* Three.\n';
  t.deepEqual(parseRules(text), [
    { id: 'R-ID', tag: 'reader refuses', section: '3.1' },
    { id: 'R-PATH', tag: '', section: '3.1' },
    { id: 'R-PATH', tag: 'nobody', section: '3.1' },
  ]);
  t.deepEqual([...namedRules('R-LOC-1 to R-LOC-3, and (R-PATH)')], ['R-LOC-1', 'R-LOC-3', 'R-PATH', 'R-LOC-2']);
});

/**
 * The style of the project's prose, which may only improve: its faults are counted against a
 * budget.
 */
import test from 'ava';
import { countStyle, lowerBudget, overBudget, projectStyle, readBudget, styleOfCode, styleOfMarkdown } from './support/style.js';

test('no folder has more style faults than its budget', (t) => {
  const over = overBudget(countStyle(projectStyle()), readBudget());
  t.deepEqual(over, [], 'list them with `npm run style FOLDER`, rewrite the new ones, then lower the budget with `npm run style`');
});

const banned = [
  '/** What a mount does first. */',
  '// Done. Whatever is left is removed.',
  "test('what was mounted is there again', run);",
  '/** The head, undefined where there is none. */',
  '/** Where the remote has moved, it ends. */',
  '// The caller is told of it.',
  `const hint = \`it tells $\{who} of $\{name}, of which none is told\`;`,
  '// A failure is met where the set is waited for.',
  '// A request without an answer is asked again.',
  '// The lock is given up.',
  '/** Brings the session to this machine: what is brought is verified. */',
  '/** Everything that the remote\n *  has is taken\n *  in. */',
  "fail('the key is refused');",
  "fail('the loser is put aside');",
  '// In a file of home.',
  '// A directory that was gutted.',
  '// Print no colours, and honour it.',
];
const plain = [
  '/** Returns the head, or undefined if there is none. */',
  '// Is it there? What is next?',
  "const what = 'refused';",
  '// The place where a file is. Nobody can tell the two apart.',
  '// A reader refuses it; the connection refused it.',
  "fail('gave up after 20 attempts');",
  '// A user without a home directory.',
  'const refused = told.brought(/is told/);',
];

test('a banned phrase is found in comments, strings, templates and titles, and not in code', (t) => {
  for (const source of banned) t.true(styleOfCode('a.ts', source).length > 0, source);
  t.is(styleOfCode('a.ts', banned[6] as string).length, 3);
  for (const source of plain) t.deepEqual(styleOfCode('a.ts', source), [], source);
  t.deepEqual(styleOfCode('a.ts', `\n/** Fine.\n * ${'x'.repeat(98)}\n */\ncode('${'x '.repeat(60)}');\n`), [
    { kind: 'long comment lines', at: 'a.ts:3: 101 columns' },
  ]);
});

test('a comment that starts with What or Who is found, and not a string', (t) => {
  const openings = (source: string): string[] =>
    styleOfCode('a.ts', source).flatMap(({ kind, at }) => (kind === 'banned openings' ? [at] : []));
  for (const word of ['What', 'Who', 'Whoever', 'Whatever', 'what'])
    for (const comment of ['/** NAME is it? */', '/**\n * NAME is it? */', 'call(); // NAME is it?', '/** NAME fails. */'])
      t.deepEqual(openings(comment.replace('NAME', word)), [`a.ts:1: ${word}`], comment);
  for (const source of ['/** Is it? What is next? */', '// Whole.', "ask('What is it?');"]) t.deepEqual(openings(source), [], source);
});

test('a long sentence of a comment is found, and not one of code', (t) => {
  const words = (count: number): string => 'Word '.repeat(count).trim();
  const found = (source: string): string[] =>
    styleOfCode('a.ts', source).flatMap(({ kind, at }) => (kind === 'long sentences' ? [at] : []));
  const long = [
    `/** A. ${words(26)}. */`,
    `/**\n * ${words(13)}\n * ${words(13)}.\n */`,
    `// ${words(13)}\n  // ${words(13)}.`,
    `/**\n * - ${words(26)}\n */`,
  ];
  for (const source of long) t.is(found(source).length, 1, source);
  t.regex(found(`\n\n// A.\n// B.\n${long[0]}`)[0] as string, /^a\.ts:5: 26 words: /);
  const short = [
    `/** ${words(25)}. ${words(25)}. */`,
    `/**\n * ${words(13)}\n *\n * ${words(13)}.\n */`,
    `// ${words(13)}\n\n// ${words(13)}.`,
    `// ${words(13)}\ncall(); // ${words(13)}.`,
    `/**\n * - ${words(13)}\n * - ${words(13)}\n */`,
    `/** \`${words(30)}\` */`,
    `fail('${words(30)}');`,
    `/**\n * A.\n * @example\n * ${words(30)}\n */`,
  ];
  for (const source of short) t.deepEqual(found(source), [], source);
});

test('a banned phrase of Markdown is found, and not in code', (t) => {
  t.deepEqual(styleOfMarkdown('a.md', '- Fine.\n- The caller is told.\n\n```\ntold\n```\n'), [
    { kind: 'phrases', at: 'a.md:2: "told" (report, return, show)' },
  ]);
  t.deepEqual(styleOfMarkdown('a.md', '`told` is fine.'), []);
});

test('a long sentence of Markdown is found in paragraphs, lists and tables, and not in code', (t) => {
  const long = `A ${'word '.repeat(25)}end.`;
  const short = 'Short. '.repeat(30);
  const found = (text: string): number => styleOfMarkdown('a.md', text).length;
  for (const text of [long, `- ${long}`, `${short}${long}`, `| a | ${long} |`, long.replaceAll(' word', '\nword')])
    t.is(found(text), 1, text);
  for (const text of [short, `\`\`\`\n${long}\n\`\`\``, `A \`${long}\` b.`, `# ${long}`, `${'- word word word\n'.repeat(20)}`])
    t.is(found(text), 0, text);
  t.deepEqual(styleOfMarkdown('a.md', `One.\n\n${long}`), [
    { kind: 'long sentences', at: 'a.md:3: 27 words: A word word word word word …' },
  ]);
});

test('a count above the budget fails, and a lowered budget never rises', (t) => {
  const counts = countStyle([
    { kind: 'phrases', scope: 'src', at: 'src/a.ts:1: a' },
    { kind: 'phrases', scope: 'src', at: 'src/a.ts:2: b' },
    { kind: 'long sentences', scope: 'README.md', at: 'README.md:1: c' },
  ]);
  const budget = { phrases: { src: 1, cli: 4 }, 'banned openings': {}, 'long comment lines': {}, 'long sentences': { 'README.md': 3 } };
  t.deepEqual(overBudget(counts, budget), ['src: 2 phrases, and the budget is 1']);
  t.deepEqual(overBudget(counts, { ...budget, phrases: {} }), ['src: 2 phrases, and the budget is 0']);
  t.deepEqual(lowerBudget(counts, budget), {
    phrases: { src: 1 },
    'banned openings': {},
    'long comment lines': {},
    'long sentences': { 'README.md': 1 },
  });
});

/**
 * Counts of prose that the style guide bans: in the comments and strings of code, and in Markdown.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Token, tokenize } from './source-text.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

export interface Finding {
  kind: 'phrases' | 'banned openings' | 'long comment lines' | 'long sentences';
  /** The folder of code, or the Markdown file, whose budget includes the finding. */
  scope: string;
  /** The finding as `path:line: text`. */
  at: string;
}

/** Counts by kind and scope. */
export type Counts = Record<Finding['kind'], Record<string, number>>;

/**
 * Banned phrases with their replacements in plain words. Each phrase has few false alarms, so the
 * list is not complete.
 */
const phrases: readonly (readonly [phrase: RegExp, better: string])[] = [
  [/(?:^|[.:!] )(?:What|Who|Whatever|Whoever)\b(?![^.]*\?)/, 'start with a verb, or with the thing'],
  [/^(?:what|who|whatever|whoever) (?:\S+ ){3}(?!.*\?)/, 'start with the thing'],
  [/(?:^|[.!] )Where\b(?![^.]*\?)|\bwhere there (?:is|are|was|were)\b|\b(?:undefined|none|nothing|empty) where\b/, 'if'],
  [/(?<!can |cannot |to )\btell(?:s|ing)?\b(?! \w* ?apart)|\btold\b/, 'report, return, show'],
  [/\b(?:is|are|was|were|be|been) met\b/, 'surfaces, is thrown'],
  [/\bask(?:s|ed|ing)? (?:\w+ )?again\b/, 'retry'],
  [/\bgiv(?:e|es|en|ing) up\b/, 'release, discard'],
  [/\b(?:brings?|bringing|brought)\b/, 'pull, fetch'],
  [/\b(?:takes?|taken) in\b/, 'import'],
  [/(?<!reader |connection )\brefus(?:e|es|ed|ing|al|als)\b/, 'reject, fail'],
  [/\bput aside\b|\b(?:put|kept|saved|lives|goes) beside\b/, 'conflict session'],
  [/\b(?:in|at|from|to|of|into) home\b(?! dir)/, 'local store'],
  [/\bgutted\b/, 'unexpectedly small'],
  [/\bleft mounts?\b/, 'abandoned mount'],
  [/\bolder package\b/, 'v0'],
  [/\blines? of versions\b/, 'session'],
  [/\blive commits?\b/, 'checkpoint'],
  [/\bhygiene\b/i, 'prepare'],
  [/\b(?:was|were|is|are) faster\b/, 'updated it first'],
  [/\bof which\b/, 'a sentence of its own'],
  [
    /\b(?:colour|licence|behaviour|honour|favour|neighbour|centre|catalogue|whilst|(?:initial|normal|serial|recogn|organ|synchron)is)(?:s|e|es|ed|ing|less|ful)?\b/i,
    'American spelling',
  ],
];

const longest = 100;
const longestSentence = 25;

/** Returns the paragraphs and list items of a comment, each as one line, without its examples. */
function paragraphsOf(comment: string): string[] {
  const lines = comment.replace(/^\/\*\*?|\s*\*\/$/g, '').replace(/^[^\S\n]*(?:\*|\/\/) ?/gm, '');
  const prose = lines.replace(/^ {4,}.*$|^@example[\s\S]*/gm, '').replace(/^[^\S\n]*(?=(?:[-*]|\d+\.|@\w+|\|) )/gm, '\n');
  return prose.split(/\n\s*\n/).map((paragraph) => paragraph.trim().replace(/\s+/g, ' '));
}

/** Returns the tokens of a source. Line comments on successive lines are one token. */
function joinedTokens(source: string): Token[] {
  const joined: Token[] = [];
  for (const token of tokenize(source)) {
    const [comment, between] = joined.slice(-2);
    const follows = between?.kind === 'code' && /^\n[^\S\n]*$/.test(between.text) && token.text.startsWith('//');
    if (token.kind !== 'comment' || !follows || !comment?.text.startsWith('//')) joined.push(token);
    else joined.splice(-2, 2, { ...comment, text: `${comment.text}\n${token.text}` });
  }
  return joined;
}

/** Returns the sentences of a paragraph that are too long, as `N words: beginning`. */
function longSentences(paragraph: string): string[] {
  return paragraph.split(/(?<=[.!?][)"]?)\s+(?=[^a-z])/).flatMap((sentence) => {
    const words = sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
    return words.length > longestSentence ? [`${words.length} words: ${words.slice(0, 6).join(' ')} …`] : [];
  });
}

/**
 * Returns the banned phrases and long lines of one TypeScript or JavaScript source, and the long
 * sentences and banned openings of its comments. Code in backticks counts as one word.
 */
export function styleOfCode(path: string, source: string): Omit<Finding, 'scope'>[] {
  const findings: Omit<Finding, 'scope'>[] = [];
  const lines = source.split('\n');
  for (const { kind, text, line } of joinedTokens(source)) {
    if (kind !== 'comment' && !(kind === 'string' && text.includes(' '))) continue;
    const prose = paragraphsOf(text).join(' ');
    for (const [phrase, better] of phrases) {
      for (const { 0: found } of prose.matchAll(new RegExp(phrase, `g${phrase.flags}`))) {
        findings.push({ kind: 'phrases', at: `${path}:${line}: ${JSON.stringify(found.trim())} (${better})` });
      }
    }
    if (kind !== 'comment') continue;
    const opening = /^(?:what|who|whatever|whoever)\b/i.exec(prose)?.[0];
    if (opening !== undefined) findings.push({ kind: 'banned openings', at: `${path}:${line}: ${opening}` });
    for (const paragraph of paragraphsOf(text)) {
      const long = longSentences(paragraph.replace(/`[^`]*`/g, 'Code'));
      findings.push(...long.map((found) => ({ kind: 'long sentences' as const, at: `${path}:${line}: ${found}` })));
    }
    for (const offset of text.split('\n').keys()) {
      const whole = lines[line - 1 + offset] as string;
      if (whole.length <= longest || !/^\s*(?:\/\/|\/?\*)/.test(whole)) continue;
      findings.push({ kind: 'long comment lines', at: `${path}:${line + offset}: ${whole.length} columns` });
    }
  }
  return findings;
}

/**
 * Returns the banned phrases and the long sentences of a Markdown text. Code counts as one word,
 * and a cell of a table as a paragraph.
 */
export function styleOfMarkdown(path: string, source: string): Omit<Finding, 'scope'>[] {
  const paragraphs: { line: number; text: string }[] = [];
  let inCode = false;
  let open = false;
  for (const [i, line] of source.split('\n').entries()) {
    if (/^\s*```/.test(line)) inCode = !inCode;
    if (inCode || /^\s*(?:```|#|$)/.test(line)) open = false;
    else if (/^\s*\|/.test(line)) {
      paragraphs.push(...line.split(/(?<!\\)\|/).map((text) => ({ line: i + 1, text })));
      open = false;
    } else if (open && !/^\s*(?:[-*]|\d+\.) /.test(line)) {
      (paragraphs.at(-1) as { text: string }).text += ` ${line}`;
    } else {
      paragraphs.push({ line: i + 1, text: line });
      open = true;
    }
  }
  return paragraphs.flatMap(({ line, text }) => {
    const plain = text
      .replace(/`[^`]*`/g, 'Code')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[*_]{2}/g, '');
    const banned = phrases.flatMap(([phrase, better]) =>
      [...plain.matchAll(new RegExp(phrase, `g${phrase.flags}`))].map(({ 0: found }) => ({
        kind: 'phrases' as const,
        at: `${path}:${line}: ${JSON.stringify(found.trim())} (${better})`,
      })),
    );
    return [...banned, ...longSentences(plain).map((found) => ({ kind: 'long sentences' as const, at: `${path}:${line}: ${found}` }))];
  });
}

const codeFolders = ['src', 'cli', 'test', 'bench', 'scripts'];
/** Files that quote banned phrases. */
const quoting = ['test/style.test.ts'];

/** Returns the files of a folder of the project by path. */
function filesOf(folder: string, pattern: RegExp): string[] {
  if (!existsSync(`${root}${folder}`)) return [];
  const names = readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => pattern.test(name)).map((name) => `${folder}/${name}`);
}

/** Returns every finding of the project. */
export function projectStyle(): Finding[] {
  const code = codeFolders.flatMap((scope) => filesOf(scope, /\.(?:ts|js)$/).map((path) => ({ scope, path })));
  const markdown = [...readdirSync(root).filter((name) => name.endsWith('.md')), ...filesOf('docs', /\.md$/), ...filesOf('bench', /\.md$/)];
  return [
    ...code
      .filter(({ path }) => !quoting.includes(path))
      .flatMap(({ scope, path }) => styleOfCode(path, readFileSync(`${root}${path}`, 'utf8')).map((finding) => ({ scope, ...finding }))),
    ...markdown.flatMap((path) =>
      styleOfMarkdown(path, readFileSync(`${root}${path}`, 'utf8')).map((finding) => ({ scope: path, ...finding })),
    ),
  ];
}

/** Returns how many findings of each kind every scope has. */
export function countStyle(findings: readonly Finding[]): Counts {
  const counts: Counts = { phrases: {}, 'banned openings': {}, 'long comment lines': {}, 'long sentences': {} };
  for (const { kind, scope } of findings) counts[kind][scope] = (counts[kind][scope] ?? 0) + 1;
  return counts;
}

/**
 * Returns a line for each count above the budget. A scope that the budget does not name has a
 * budget of 0.
 */
export function overBudget(counts: Counts, budget: Counts): string[] {
  return (Object.keys(counts) as (keyof Counts)[]).flatMap((kind) =>
    Object.entries(counts[kind])
      .filter(([scope, count]) => count > (budget[kind][scope] ?? 0))
      .map(([scope, count]) => `${scope}: ${count} ${kind}, and the budget is ${budget[kind][scope] ?? 0}`),
  );
}

/** Returns the budget lowered to the counts. A budget never rises. */
export function lowerBudget(counts: Counts, budget: Counts): Counts {
  const lowered: Counts = { phrases: {}, 'banned openings': {}, 'long comment lines': {}, 'long sentences': {} };
  for (const kind of Object.keys(budget) as (keyof Counts)[]) {
    for (const [scope, allowed] of Object.entries(budget[kind])) {
      const left = Math.min(allowed, counts[kind][scope] ?? 0);
      if (left > 0) lowered[kind][scope] = left;
    }
  }
  return lowered;
}

export const budgetPath = `${root}test/style-budget.json`;

export function readBudget(): Counts {
  return JSON.parse(readFileSync(budgetPath, 'utf8')) as Counts;
}

/** The rules of SPEC.md with their tags and parts, as the text has them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's folder: this file is compiled to dist/test/support/spec. */
export const root = fileURLToPath(new URL('../../../../', import.meta.url));
export const specText = readFileSync(`${root}SPEC.md`, 'utf8');

export type Tag = 'reader refuses' | 'check only' | 'writer only';
export const tags: readonly Tag[] = ['reader refuses', 'check only', 'writer only'];

export interface Rule {
  id: string;
  /** The tag between the id and the text: one of `tags` if the text is correct. */
  tag: string;
  /** The section that defines the rule, such as `8.3`. */
  section: string;
}

const heading = /^#{2,3} (\d+(?:\.\d+)?)\.? /;
const definition = /^- \*\*(R-[A-Z0-9]+(?:-[0-9]+)?)\*\* (?:\*\(([^)]*)\)\* )?/;

/** Returns the rules in the order of the text. */
export function parseRules(text: string): Rule[] {
  const rules: Rule[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    section = heading.exec(line)?.[1] ?? section;
    const [, id, tag = ''] = definition.exec(line) ?? [];
    if (id !== undefined) rules.push({ id, tag, section });
  }
  return rules;
}

const named = /\bR-[A-Z][A-Z0-9]*(?:-[0-9]+)?\b/g;
const range = /\b(R-[A-Z][A-Z0-9]*)-([0-9]+) to \1-([0-9]+)\b/g;

/**
 * Returns every rule id that a text names, such as `R-LOC-1`, and the ids of a range such as
 * `R-S3-1 to R-S3-8`.
 */
export function namedRules(text: string): Set<string> {
  const ids = new Set<string>(text.match(named));
  for (const [, family, first, last] of text.matchAll(range)) {
    for (let n = Number(first); n <= Number(last); n++) ids.add(`${family}-${n}`);
  }
  return ids;
}

export const rules = parseRules(specText);

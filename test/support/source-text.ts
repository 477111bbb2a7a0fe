/** The comments, strings and code of TypeScript source, for tests that read the project itself. */

export interface Token {
  kind: 'comment' | 'string' | 'pattern' | 'code';
  /**
   * The text without the delimiters of a string or pattern. A template has a string for each part
   * between its values.
   */
  text: string;
  /** The line at which the token starts, from 1. */
  line: number;
}

const lexeme =
  /(?<comment>\/\*[\s\S]*?\*\/|\/\/[^\n]*)|'(?<single>(?:\\[\s\S]|[^'\\\n])*)'|"(?<double>(?:\\[\s\S]|[^"\\\n])*)"|(?<template>`)|(?<open>\{)|(?<close>\})|(?<slash>\/)/g;
const templatePart = /(?<text>(?:\\[\s\S]|\$(?!\{)|[^`\\$])*)(?<end>`|\$\{)/y;
const patternRest = /(?<text>(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/[\\\n])+)\/[a-z]*/y;
/** Text before a slash that begins a pattern. After any other text a slash divides. */
const beforePattern = /(?:^|[(,=:[!&|?{};+*%<>~^-]|\b(?:return|typeof|case|in|of|await|yield|void))\s*$/;

/**
 * Returns the tokens of a source text in order. All text between comments, strings and patterns is
 * code.
 */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  /** For each open brace, whether it began a value inside a template. */
  const braces: boolean[] = [];
  let at = 0;
  let line = 1;
  const push = (kind: Token['kind'], text: string, upTo: number): void => {
    if (kind !== 'code' || text !== '') tokens.push({ kind, text, line });
    line += source.slice(at, upTo).split('\n').length - 1;
    at = upTo;
  };
  /** Reads a template from `at` to its end or its next value. */
  const readTemplate = (): void => {
    templatePart.lastIndex = at;
    const groups = templatePart.exec(source)?.groups;
    if (groups === undefined) throw new Error(`line ${line}: expected the end of a template, found none`);
    push('string', groups['text'] as string, templatePart.lastIndex);
    if (groups['end'] === '${') braces.push(true);
  };
  lexeme.lastIndex = 0;
  for (let match = lexeme.exec(source); match !== null; match = lexeme.exec(source)) {
    const { comment, single, double, template, open, close, slash } = match.groups as Record<string, string | undefined>;
    const code = source.slice(at, match.index);
    const end = lexeme.lastIndex;
    if (open !== undefined) braces.push(false);
    else if (close !== undefined) {
      if (braces.pop() !== true) continue;
      push('code', code, end);
      readTemplate();
    } else if (slash !== undefined) {
      patternRest.lastIndex = end;
      const text =
        beforePattern.test(code === '' && tokens.at(-1)?.kind === 'string' ? 'x' : code) && patternRest.exec(source)?.groups?.['text'];
      if (typeof text !== 'string') continue;
      push('code', code, match.index);
      push('pattern', text, patternRest.lastIndex);
    } else {
      push('code', code, match.index);
      if (comment !== undefined) push('comment', comment, end);
      else if (template === undefined) push('string', (single ?? double) as string, end);
      else {
        at = end;
        readTemplate();
      }
    }
    lexeme.lastIndex = at > match.index ? at : end;
  }
  push('code', source.slice(at), source.length);
  return tokens;
}

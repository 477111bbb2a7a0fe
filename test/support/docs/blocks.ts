/** The code blocks of the project's Markdown files. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's folder: this file is compiled to dist/test/support/docs. */
export const root = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Block {
  lang: string;
  /**
   * The file that the block is, as in a fence that begins with `js site.mjs`. The text is empty if
   * there is none.
   */
  file: string;
  code: string;
  /** The position of the fence, as `path:line`. */
  at: string;
  /** The heading above the block. */
  section: string;
}

export function readText(path: string): string {
  return readFileSync(`${root}${path}`, 'utf8');
}

/** Returns README.md, CONTRIBUTING.md and the guides in docs/. */
export function guides(): string[] {
  const names = readdirSync(`${root}docs`).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CONTRIBUTING.md', ...names.sort().map((name) => `docs/${name}`)];
}

export function blocksOf(path: string, text = readText(path)): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  let section = '';
  for (const [i, line] of text.split('\n').entries()) {
    const [, fence] = /^```(.*)$/.exec(line) ?? [];
    if (open !== undefined && fence === '') {
      blocks.push(open);
      open = undefined;
    } else if (open !== undefined) open.code += `${line}\n`;
    else if (fence !== undefined) {
      const [lang = '', file = ''] = fence.split(' ');
      open = { lang, file, code: '', at: `${path}:${i + 1}`, section };
    } else section = /^##+ (.*)$/.exec(line)?.[1] ?? section;
  }
  return blocks;
}

/** The difference of two trees as output: a line for each path, and a summary. */
import type { TreeDiff } from '../../src/index.js';
import { type Line, styled } from './lines.js';
import { count, number } from './text.js';

export function describeDifference({ added, removed, changed }: TreeDiff): Line[] {
  const total = added.length + removed.length + changed.length;
  if (total === 0) return [[styled('dim', 'no differences')]];
  const marked = [
    ...added.map((path) => ({ path, cell: styled('green', `+ ${path}`) })),
    ...removed.map((path) => ({ path, cell: styled('red', `- ${path}`) })),
    ...changed.map((path) => ({ path, cell: styled('yellow', `~ ${path}`) })),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  const parts = [`${number(added.length)} added`, `${number(removed.length)} removed`, `${number(changed.length)} changed`];
  return [...marked.map(({ cell }) => [cell]), [styled('bold', `${count(total, 'path')}: ${parts.join(', ')}`)]];
}

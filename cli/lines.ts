/**
 * Human output as data: lines of cells, escaped and coloured only when they are rendered, so that no command can print a text from elsewhere
 * as it is.
 */
import { styleText } from 'node:util';
import { safe } from './text.js';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** A piece of a line: a text, perhaps with a style. */
export type Cell = string | { text: string; style: Style };
export type Line = readonly Cell[];

export function styled(style: Style, text: string): Cell {
  return { text, style };
}

/** Rows as lines with aligned columns, two spaces apart; a column whose number is in `right` is aligned to the right. */
export function table(rows: readonly Line[], { right = [] }: { right?: readonly number[] } = {}): Line[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  return rows.map((row) => {
    const last = row.findLastIndex((cell) => width(cell) > 0);
    return row.slice(0, last + 1).flatMap((cell, i) => {
      const padding = ' '.repeat((widths[i] as number) - width(cell));
      const gap = i === 0 ? '' : '  ';
      if (right.includes(i)) return [gap + padding, cell];
      return [gap, cell, i === last ? '' : padding];
    });
  });
}

export function render(line: Line, color: boolean): string {
  return line.map((cell) => renderCell(cell, color)).join('');
}

function renderCell(cell: Cell, color: boolean): string {
  if (typeof cell === 'string') return safe(cell);
  return color ? styleText(cell.style, safe(cell.text), { validateStream: false }) : safe(cell.text);
}

function width(cell: Cell): number {
  return safe(typeof cell === 'string' ? cell : cell.text).length;
}

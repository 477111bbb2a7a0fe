/**
 * Human-readable output as data: lines of cells, escaped and colored when they are rendered. No
 * command can print untrusted text unescaped.
 */
import { styleText } from 'node:util';
import { safe } from './text.js';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** A part of a line: a text with an optional style. */
export type Cell = string | { text: string; style: Style };
export type Line = readonly Cell[];

export function styled(style: Style, text: string): Cell {
  return { text, style };
}

/**
 * Returns rows as lines with aligned columns, two spaces apart. Columns whose numbers are in
 * `right` are aligned to the right.
 */
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

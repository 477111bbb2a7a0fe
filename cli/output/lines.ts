/**
 * Human-readable output as data: lines of cells, escaped and colored when they are rendered. No
 * command can print untrusted text unescaped.
 */
import { styleText } from 'node:util';
import { type Screen, safe } from './text.js';
import { cutEnd, cutMiddle, textWidth } from './width.js';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
/** A part of a line: a text with an optional style. */
export type Cell = string | { text: string; style: Style };
export type Line = readonly Cell[];

export function styled(style: Style, text: string): Cell {
  return { text, style };
}

/** Returns the cells as a line, two spaces apart. */
export function spaced(cells: readonly Cell[]): Line {
  return cells.flatMap((cell, i) => (i === 0 ? [cell] : ['  ', cell]));
}

/** Returns the row that names the columns of a table. Returns no row for programs. */
export function headings({ width }: Screen, names: readonly string[]): Line[] {
  return width === undefined ? [] : [names.map((name) => styled('dim', name))];
}

export interface Layout {
  /** Columns that are aligned to the right. */
  right?: readonly number[];
  /** Lines that follow the rows, not aligned. */
  tails?: readonly Line[];
  /** Width of the terminal. Without a width, any line fits. */
  width?: number | undefined;
  /** Columns to leave out, in this order, until the rows fit. */
  omit?: readonly number[];
}

/** Columns of the tails for which other columns are left out. */
const TAIL_WIDTH = 24;

/**
 * Returns rows as lines with aligned columns, two spaces apart. If the lines are too wide, columns
 * of `omit` are left out first. Then the first column is shortened, at most to half of the width,
 * and finally the lines are shortened.
 */
export function table(rows: readonly Line[], { right = [], tails = [], width, omit = [] }: Layout = {}): Line[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cellWidth(cell));
  const shown = new Set(widths.keys());
  const tailWidth = tails.reduce((most, tail) => Math.min(TAIL_WIDTH, Math.max(most, lineWidth(tail) + 2)), 0);
  const limit = width ?? Number.POSITIVE_INFINITY;
  const excess = () => [...shown].reduce((sum, i) => sum + (widths[i] as number) + 2, tailWidth - 2) - limit;
  for (const i of omit) if (excess() > 0) shown.delete(i);
  const [name = 0] = widths;
  if (excess() > 0) widths[0] = Math.min(name, Math.max(Math.floor(limit / 2), name - excess()));
  return rows.map((row, r) => {
    const cells = row.map((cell, i) => (i === 0 ? withText(cell, (text) => cutMiddle(text, widths[0] as number)) : cell));
    const line = aligned(cells, widths, { shown: [...shown], right });
    const tail = tails[r] ?? [];
    const whole = tail.length > 0 ? [...line, '  ', ...tail] : trimmed(line);
    return width === undefined ? whole : cutLine(whole, width);
  });
}

function aligned(row: Line, widths: readonly number[], { shown, right }: { shown: readonly number[]; right: readonly number[] }): Cell[] {
  return shown.flatMap((i, at) => {
    const cell = row[i] ?? '';
    const padding = ' '.repeat((widths[i] as number) - cellWidth(cell));
    const gap = at === 0 ? '' : '  ';
    return right.includes(i) ? [gap + padding, cell] : [gap, cell, padding];
  });
}

/** Returns the line without the blanks at its end. */
function trimmed(line: Line): Line {
  const last = line.findLastIndex((cell) => textOf(cell).trim() !== '');
  return line.slice(0, last + 1);
}

/** Shortens a line to the width of a terminal. */
function cutLine(line: Line, width: number): Line {
  if (lineWidth(line) <= width) return line;
  const cut: Cell[] = [];
  let left = width;
  for (const cell of line) {
    if (cellWidth(cell) >= left) {
      // The blank leaves a column for the ellipsis.
      const end = withText(cell, (text) => cutEnd(`${text} `, left));
      const hasEllipsis = textOf(end) === '…' && textOf(cut.at(-1) ?? '').endsWith('…');
      return hasEllipsis ? cut : [...cut, end];
    }
    left -= cellWidth(cell);
    cut.push(cell);
  }
  return cut;
}

export function render(line: Line, color: boolean): string {
  return line.map((cell) => renderCell(cell, color)).join('');
}

function renderCell(cell: Cell, color: boolean): string {
  if (typeof cell === 'string') return safe(cell);
  return color ? styleText(cell.style, safe(cell.text), { validateStream: false }) : safe(cell.text);
}

function textOf(cell: Cell): string {
  return safe(typeof cell === 'string' ? cell : cell.text);
}

/** Returns the cell with its escaped text changed. */
function withText(cell: Cell, change: (text: string) => string): Cell {
  return typeof cell === 'string' ? change(textOf(cell)) : { ...cell, text: change(textOf(cell)) };
}

function cellWidth(cell: Cell): number {
  return textWidth(textOf(cell));
}

function lineWidth(line: Line): number {
  return line.reduce((sum, cell) => sum + cellWidth(cell), 0);
}

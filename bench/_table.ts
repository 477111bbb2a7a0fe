/**
 * Prints a table in columns. The first column is left-aligned, and the figures are right-aligned.
 */
export function printTable(header: readonly string[], lines: readonly (readonly string[])[]): void {
  const all = [header, ...lines];
  const widths = header.map((_, column) => Math.max(...all.map((line) => (line[column] ?? '').length)));
  for (const line of all) {
    console.log(
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    );
  }
}

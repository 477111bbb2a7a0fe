/**
 * Verification of one cell of the local folder (SPEC.md R-LOCAL-11). The checks cover every entry,
 * including superseded entries, and find anything else in the cell.
 */
import { join } from 'node:path';
import { check, isError } from '../../base/errors.js';
import { entryNumbers, type LocalCells, readEntry } from './cell.js';
import { hasErrno } from './errors.js';
import { namesIn } from './files.js';

export interface Finding {
  key: string;
  message: string;
}

/**
 * Returns the damage of a cell. Concurrent swaps and rolls can look like damage for an instant, so
 * only damage that is found twice is reported.
 */
export async function checkCell(cells: LocalCells, key: string): Promise<Finding[]> {
  const first = await messagesFor(cells, key);
  if (first.length === 0) return [];
  const second = new Set(await messagesFor(cells, key));
  return first.filter((message) => second.has(message)).map((message) => ({ key, message }));
}

async function messagesFor(cells: LocalCells, key: string): Promise<string[]> {
  const messages: string[] = [];
  const failed = await messageOf(async () => messages.push(...(await messagesWithin(cells, key))));
  return [...messages, ...failed];
}

async function messagesWithin(cells: LocalCells, key: string): Promise<string[]> {
  const directory = cells.directory(key);
  const names = (await namesIn(directory)) ?? [];
  const generations = names.map((name) => /^g-([0-9a-f]{32})$/.exec(name)?.[1]);
  const messages = names.filter((_, i) => generations[i] === undefined).map((name) => `expected no ${join(directory, name)}`);
  for (const generation of generations) {
    if (generation === undefined) continue;
    const path = cells.generation({ key, generation });
    messages.push(...(await checkGeneration(path, key, generation, generations)));
  }
  // No single generation shows such damage: there is no generation, or two that do not follow each
  // other.
  return messages.length > 0 ? messages : await messageOf(() => cells.current(key));
}

/**
 * Checks that a generation has every entry from 1 without a gap, the nested next generations, and
 * nothing else. Returns the problems.
 */
async function checkGeneration(path: string, key: string, generation: string, beside: (string | undefined)[]): Promise<string[]> {
  const names = (await namesIn(path)) ?? [];
  const nested = names.map((name) => /^next-([0-9a-f]{32})$/.exec(name)?.[1]);
  const numbers = entryNumbers(names);
  const messages = names
    .filter((name, i) => nested[i] === undefined && entryNumbers([name]).length === 0)
    .map((name) => `expected no ${join(path, name)}`);
  for (const next of nested) {
    if (next === undefined) continue;
    const nest = join(path, `next-${next}`);
    const others = ((await namesIn(nest)) ?? []).filter((name) => name !== '1');
    messages.push(...others.map((name) => `expected no ${join(nest, name)}`), ...(await checkGeneration(nest, key, next, [])));
  }
  if (numbers.length === 0) messages.push(`${join(path, '1')}: expected a file, found none`);
  for (const [i, number] of numbers.entries()) {
    const before = numbers[i - 1] ?? 0;
    const at = join(path, String(number));
    if (number > before + 1) messages.push(`${join(path, String(before + 1))}: expected a file, found none`);
    const checked = async (): Promise<void> => {
      const { next } = await readEntry({ key, generation, number }, at);
      if (next === undefined) return;
      const after = numbers.length - 1 - i;
      check(after === 0, `${at}: expected no entry after a last one, found ${after}`);
      check(nested.includes(next) || beside.includes(next), `${at}: expected the next generation ${next}, found none`);
    };
    messages.push(...(await messageOf(checked)));
  }
  return messages;
}

async function messageOf(body: () => Promise<unknown>): Promise<string[]> {
  try {
    await body();
    return [];
  } catch (error) {
    if (isError(error, 'INTEGRITY')) return [error.message];
    if (hasErrno(error, 'ENOENT')) return [`${error.path}: expected a file, found none`];
    if (hasErrno(error, 'EISDIR', 'ENOTDIR')) return [error.message];
    throw error;
  }
}

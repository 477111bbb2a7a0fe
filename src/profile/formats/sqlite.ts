/**
 * A reader of small, plain SQLite databases. The reader returns the rows of a table without a query
 * engine, within bounds. It throws `NotPlain` for everything that is out of the ordinary: SQLite
 * decides then. Journals are ignored.
 */
import { MAX_PLAIN_DATABASE } from '../../base/limits.js';

export type Value = number | bigint | string | Uint8Array | null;

export interface PlainTable {
  /** Yields the values of some columns, row by row. Throws `NotPlain`. */
  select(columns: readonly string[]): Iterable<Value[]>;
}

export class NotPlain extends Error {}

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const MAX_SCHEMA_ROWS = 32;
const MAX_DEPTH = 8;
const LEAF = 13;
const INNER = 5;

const column = String.raw`(\w+) (?:INTEGER|TEXT|BLOB|LONGVARCHAR)(?: NOT NULL| UNIQUE| PRIMARY KEY| DEFAULT -?\d+)*`;
const tableStatement = new RegExp(String.raw`^CREATE TABLE "?(\w+)"? ?\((${column}(?:, ?${column})*)\)$`);
const indexStatement = /^CREATE (?:UNIQUE )?INDEX \w+ ON \w+ ?\(\w+(?:, ?\w+)*\)$/;

/**
 * Returns the tables by name. Throws `NotPlain` if the schema has anything except plain tables and
 * indexes.
 */
export function plainTables(bytes: Buffer): Map<string, PlainTable> {
  const file = new DatabaseFile(bytes);
  const tables = new Map<string, PlainTable>();
  let count = 0;
  // The columns are type, name, root page and statement.
  for (const [type, name, root, statement] of file.rows(1, [0, 1, 3, 4])) {
    demand(++count <= MAX_SCHEMA_ROWS && typeof name === 'string' && typeof root === 'number');
    if (type === 'table' && typeof statement === 'string') {
      const [, named, columns = ''] = tableStatement.exec(statement) ?? [];
      // SQLite ignores the case of names.
      demand(named === name && name === name.toLowerCase() && !tables.has(name));
      const names = columns.split(/, ?/).map((each) => each.slice(0, each.indexOf(' ')));
      tables.set(name, {
        *select(wanted) {
          const at = wanted.map((each) => names.indexOf(each));
          demand(!at.includes(-1));
          yield* file.rows(root, at);
        },
      });
    } else demand(type === 'index' && (statement === null || (typeof statement === 'string' && indexStatement.test(statement))));
  }
  return tables;
}

function demand(isPlain: boolean): asserts isPlain {
  if (!isPlain) throw new NotPlain('not a plain database');
}

class DatabaseFile {
  readonly #bytes: Buffer;
  readonly #pageSize: number;
  /** Bytes of a page that are in use. The end may be reserved. */
  readonly #usable: number;

  constructor(bytes: Buffer) {
    demand(bytes.length >= HEADER_BYTES && bytes.length <= MAX_PLAIN_DATABASE && bytes.toString('latin1', 0, MAGIC.length) === MAGIC);
    const pageSize = bytes.readUInt16BE(16);
    this.#bytes = bytes;
    this.#pageSize = pageSize;
    this.#usable = pageSize - bytes.readUInt8(20);
    demand(pageSize >= 512 && (pageSize & (pageSize - 1)) === 0 && this.#usable >= 480);
    // Versions of a rollback journal, a schema of SQLite 3, and UTF-8.
    demand(bytes.readUInt16BE(18) === 0x0101 && bytes.readUInt32BE(44) === 4 && bytes.readUInt32BE(56) === 1);
    // The page count is valid for the change that it was written with.
    demand(bytes.readUInt32BE(24) === bytes.readUInt32BE(92) && bytes.readUInt32BE(28) * pageSize === bytes.length);
  }

  /** Yields some values of each row of a table, in the order of the rows' ids. */
  *rows(root: number, columns: readonly number[]): Generator<Value[]> {
    for (const record of this.#records(root, 1, new Set())) yield valuesOf(record, columns);
  }

  *#records(number: number, depth: number, seen: Set<number>): Generator<Buffer> {
    const page = this.#page(number, seen);
    const start = number === 1 ? HEADER_BYTES : 0;
    const type = page[start];
    const cells = page.readUInt16BE(start + 3);
    demand((type === LEAF || type === INNER) && depth <= MAX_DEPTH);
    const pointers = start + (type === LEAF ? 8 : 12);
    demand(pointers + 2 * cells <= this.#usable);
    for (let i = 0; i < cells; i++) {
      const at = page.readUInt16BE(pointers + 2 * i);
      demand(at >= pointers + 2 * cells && at + 4 <= this.#usable);
      if (type === LEAF) yield this.#payload(page, at, seen);
      else yield* this.#records(page.readUInt32BE(at), depth + 1, seen);
    }
    if (type === INNER) yield* this.#records(page.readUInt32BE(start + 8), depth + 1, seen);
  }

  /** Returns a page. Each page belongs to one place of a tree. */
  #page(number: number, seen: Set<number>): Buffer {
    demand(number >= 1 && number * this.#pageSize <= this.#bytes.length && !seen.has(number));
    seen.add(number);
    return this.#bytes.subarray((number - 1) * this.#pageSize, number * this.#pageSize);
  }

  #payload(page: Buffer, at: number, seen: Set<number>): Buffer {
    const [length, afterLength] = varint(page, at);
    const start = varint(page, afterLength)[1];
    const most = this.#usable - 35;
    const fewest = Math.floor(((this.#usable - 12) * 32) / 255) - 23;
    const kept = fewest + ((length - fewest) % (this.#usable - 4));
    const local = length <= most ? length : kept <= most ? kept : fewest;
    demand(length <= this.#bytes.length && start + local + (local < length ? 4 : 0) <= this.#usable);
    const parts = [page.subarray(start, start + local)];
    let next = local < length ? page.readUInt32BE(start + local) : 0;
    for (let left = length - local; left > 0; left -= this.#usable - 4) {
      const overflow = this.#page(next, seen);
      parts.push(overflow.subarray(4, Math.min(4 + left, this.#usable)));
      next = overflow.readUInt32BE(0);
    }
    demand(next === 0);
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }
}

/** Returns the number at `at`, and the offset after the number. */
function varint(bytes: Buffer, at: number): [number, number] {
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const byte = bytes[i];
    demand(byte !== undefined);
    value = value * 128 + (byte & 127);
    if (byte < 128) return [value, i + 1];
  }
  throw new NotPlain('not a plain number');
}

/** Returns the values of some columns. Throws `NotPlain` for columns that were added later. */
function valuesOf(record: Buffer, columns: readonly number[]): Value[] {
  const [headerLength, first] = varint(record, 0);
  demand(headerLength <= record.length);
  const cells: { type: number; start: number; end: number }[] = [];
  let start = headerLength;
  let at = first;
  while (at < headerLength) {
    const [type, next] = varint(record, at);
    const length = type >= 12 ? Math.floor((type - 12) / 2) : [0, 1, 2, 3, 4, 6, 8, 8, 0, 0][type];
    demand(length !== undefined);
    cells.push({ type, start, end: start + length });
    start += length;
    at = next;
  }
  demand(at === headerLength && start === record.length);
  return columns.map((i) => {
    const cell = cells[i];
    demand(cell !== undefined);
    return toValue(cell.type, record.subarray(cell.start, cell.end));
  });
}

function toValue(type: number, bytes: Buffer): Value {
  if (type >= 12) return type % 2 === 0 ? bytes : bytes.toString('utf8');
  if (type === 0) return null;
  if (type >= 8) return type - 8;
  if (type === 7) return bytes.readDoubleBE();
  return type === 6 ? bytes.readBigInt64BE() : bytes.readIntBE(0, bytes.length);
}

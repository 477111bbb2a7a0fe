/** The source of a file of vectors, and the form of its values in JSON. */
import type { ErrorCode } from '../../../src/base/errors.js';
import { hex } from '../../support/hex.js';

/** One encoding of the format: values with their bytes, and bytes that a reader rejects. */
export interface Format<Value> {
  /** The name of the file, without its ending. */
  name: string;
  /** The section of SPEC.md that defines the encoding. */
  section: string;
  values: Record<string, Value>;
  encode(value: Value): Uint8Array | Promise<Uint8Array>;
  /**
   * Reads the bytes of one of the values. `value` has the facts that a reader knows beforehand,
   * such as a key.
   */
  decode(bytes: Uint8Array, value: Value): unknown;
  /** Returns other facts of a value and its bytes, such as an id. */
  facts?(value: Value, bytes: Uint8Array): Record<string, unknown>;
  refused: Refusal<Value>[];
}

export interface Refusal<Value> {
  /** The rule of SPEC.md that the bytes break, with the violation. */
  rule: string;
  bytes: Uint8Array;
  code?: ErrorCode;
  /** The value whose context the bytes are read in, if the reader needs one. */
  as?: Value;
}

/**
 * Returns a value as JSON: bytes in hex, 64-bit integers in decimal, maps as objects, undefined as
 * null. The bytes that a history entry keeps of its commit are left out. The frozen files call the
 * entries of a history `rows`.
 */
export function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value === 'bigint') return String(value);
  if (value === undefined) return null;
  if (value instanceof Map) return toJson(Object.fromEntries(value));
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).filter(([key]) => key !== 'canonical');
  return Object.fromEntries(parts.map(([key, each]) => [key === 'entries' ? 'rows' : key, toJson(each)]));
}

/** Returns the content of the file of a format. The content is the same in every run. */
export async function fileOf<Value>(format: Format<Value>): Promise<unknown> {
  const vectors = [];
  for (const [name, value] of Object.entries(format.values)) {
    const bytes = await format.encode(value);
    vectors.push({ name, value: toJson(value), hex: hex(bytes), ...(toJson(format.facts?.(value, bytes) ?? {}) as object) });
  }
  const refused = format.refused.map(({ rule, bytes, code = 'INTEGRITY', as }) => ({
    rule,
    code,
    hex: hex(bytes),
    ...(as !== undefined && { as: toJson(as) }),
  }));
  return { format: format.name, section: format.section, vectors, refused };
}

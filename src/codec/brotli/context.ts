/**
 * The contexts of brotli literals: the two bytes before a literal, classified in one of four ways
 * (RFC 7932, section 7.1).
 */

/**
 * Two tables of a mode. A context is the value of the last byte in the first table, or-ed with the
 * value of the byte before in the second table.
 */
export type ContextTables = readonly [last: Uint8Array, beforeLast: Uint8Array];

const bytes = Array.from({ length: 256 }, (_, byte) => byte);
const table = (of: (byte: number) => number): Uint8Array => Uint8Array.from(bytes, of);

/** Returns the class of the last character of a text, in steps of four. */
function kindOf(byte: number): number {
  if (byte >= 192) return 2 + (byte & 1);
  if (byte >= 128) return byte & 1;
  const char = String.fromCharCode(byte);
  if (char < ' ' || byte === 127) return '\t\n\r'.includes(char) ? 4 : 0;
  if (char === ' ') return 8;
  if (/[0-9]/.test(char)) return 44;
  if (/[AEIOU]/.test(char)) return 48;
  if (/[A-Z]/.test(char)) return 52;
  if (/[aeiou]/.test(char)) return 56;
  if (/[a-z]/.test(char)) return 60;
  const marks: readonly (readonly [string, number])[] = [
    ['"\'', 16],
    ['%', 20],
    ['(<[{', 24],
    [')>]}', 28],
    [',:;', 32],
    ['.', 36],
    ['=', 40],
  ];
  return marks.find(([chars]) => chars.includes(char))?.[1] ?? 12;
}

/** Returns the class of the character before the last. */
function classOf(byte: number): number {
  if (byte >= 128) return byte >= 224 ? 2 : 0;
  const char = String.fromCharCode(byte);
  if (char <= ' ' || byte === 127) return 0;
  if (/[0-9A-Z]/.test(char)) return 2;
  return /[a-z]/.test(char) ? 3 : 1;
}

/** Returns the magnitude of a byte as a signed number, in eight steps. */
function sizeOf(byte: number): number {
  return [1, 16, 64, 128, 192, 240, 255].filter((bound) => byte >= bound).length;
}

const none = new Uint8Array(256);

/**
 * The tables by the two-bit mode of a block type: low bits, high bits, text in UTF-8, signed
 * numbers.
 */
export const contextTables: readonly ContextTables[] = [
  [table((byte) => byte & 63), none],
  [table((byte) => byte >> 2), none],
  [table(kindOf), table(classOf)],
  [table((byte) => sizeOf(byte) << 3), table(sizeOf)],
];

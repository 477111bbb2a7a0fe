/** JSON objects in files of profiles. They are hostile input: nesting is limited. */
import { isAnyError } from '../../base/errors.js';
import { MAX_JSON_DEPTH } from '../../base/limits.js';

/**
 * Parses a JSON object. Returns undefined for any other text, and for an object that nests too
 * deeply for browsers.
 */
export function parseObject(text: string): Record<string, unknown> | undefined {
  if (!isShallow(text)) return undefined;
  try {
    return asObject(JSON.parse(text));
  } catch (error) {
    if (isAnyError(error) && error.name === 'SyntaxError') return undefined;
    throw error;
  }
}

/** Returns the value if it is a JSON object. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

function isShallow(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    if (depth > MAX_JSON_DEPTH) return false;
  }
  return true;
}

/** Returns the position of the quote that ends the string at `start`, or the end of the text. */
export function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

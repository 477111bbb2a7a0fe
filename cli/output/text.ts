/**
 * Text for people: numbers, sizes, times, and untrusted texts with escapes. Profiles, messages and
 * labels are hostile input; their control characters must not reach a terminal.
 */

/** Control characters, lone surrogates, line separators and bidirectional controls. */
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Returns the text on one line, with unsafe characters escaped. */
export function safe(text: string): string {
  return text.replaceAll(unsafe, (character) => shortEscapes[character] ?? escapeCodePoint(character.codePointAt(0) as number));
}

function escapeCodePoint(code: number): string {
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** Returns one line of JSON that is safe to print. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Returns the first line, with an ellipsis if there are more lines. */
export function firstLine(text: string): string {
  const [first = '', ...rest] = text.trim().split('\n');
  return rest.length === 0 ? first : `${first.trimEnd()} …`;
}

/** Returns the first 12 digits of an id, enough to identify a commit among millions. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** Formats a number: `1,716`. */
export function number(value: number): string {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** Formats a count: `1 file`, `1,716 files`. */
export function count(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Formats bytes: `512 B`, `1.5 MiB`, `186 MiB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
  return `${digits} ${units[unit]}`;
}

/** Formats a difference of bytes: `+1.5 MiB`, `-512 B`, `+0 B`. */
export function sizeChange(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${size(Math.abs(bytes))}`;
}

/**
 * The output that lines are made for. Only a terminal has a width; programs read any other output.
 */
export interface Screen {
  width: number | undefined;
  /** Milliseconds since 1970, UTC. */
  now: number;
}

/**
 * Formats a time: on a terminal as its age, elsewhere as the time itself, which a revision accepts.
 */
export function when(time: Date, { width, now }: Screen): string {
  if (width !== undefined) return age(time, now);
  return Number.isNaN(time.getTime()) ? 'unknown' : time.toISOString();
}

const ages: readonly [limit: number, seconds: number, name: string][] = [
  [90, 1, 'second'],
  [90 * 60, 60, 'minute'],
  [36 * 3600, 3600, 'hour'],
  [14 * 86_400, 86_400, 'day'],
  [60 * 86_400, 7 * 86_400, 'week'],
  [730 * 86_400, 30.44 * 86_400, 'month'],
  [Number.POSITIVE_INFINITY, 365.25 * 86_400, 'year'],
];

/**
 * Formats an age: `just now`, `3 minutes ago`. Returns the time itself if the time is in the
 * future.
 */
export function age(time: Date, now: number): string {
  const seconds = (now - time.getTime()) / 1000;
  if (seconds < -60 || Number.isNaN(seconds)) return Number.isNaN(seconds) ? 'at an unknown time' : time.toISOString();
  if (seconds < 5) return 'just now';
  const [, length, name] = ages.find(([limit]) => seconds < limit) as (typeof ages)[number];
  return `${count(Math.round(seconds / length), name)} ago`;
}

/** Formats a duration: `0:42`, `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(rest).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

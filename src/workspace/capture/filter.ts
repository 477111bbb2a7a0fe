/**
 * The selection of the entries of a snapshot: the default rules of excludes.ts, then the user's
 * rules in gitignore syntax. The last match wins (SPEC.md R-CAP-5 to R-CAP-8). Decisions depend on
 * paths alone, so that capture and checkout agree on them.
 */
import { isUtf8 } from 'node:buffer';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import ignore from 'ignore';
import { BrowserStateError } from '../../base/errors.js';
import { parentPath } from '../../format/path.js';
import { errno } from '../../fs/errors.js';
import { ifThere, quote, resolveDirectory } from '../../fs/paths.js';
import { type DirectoryFacts, defaultExclude } from '../../profile/excludes.js';

/**
 * Name of the file with the user's rules. The file is never excluded, so that the rules stay with
 * the profile.
 */
const IGNORE_FILE = '.browserstateignore';
/** Maximum bytes of rules in a file or in options: ten times a long hand-written list. */
const MAX_RULES_BYTES = 64 * 1024;

export interface Filter {
  /**
   * Returns whether the entry, or a directory above it, is excluded. `path` is relative,
   * `/`-separated and not empty.
   */
  excludes(path: string, isDirectory: boolean): boolean;
}

/** The rules without the facts of the directory: plain data, to be stored and reused. */
export interface CaptureRules {
  /** Includes entries that the default rules exclude, except for the group `locks`. */
  keepCaches: boolean;
  /** Patterns in gitignore syntax, after the patterns of the file. */
  exclude: readonly string[];
  /** The text of `.browserstateignore`. */
  ignoreFile: string | undefined;
}

/**
 * Reads the current rules of `dir`. Throws NOT_FOUND, USAGE or UNREADABLE if `dir` or its rule file
 * cannot be read.
 */
export function readRules(
  dir: string,
  { keepCaches = false, exclude = [] }: { keepCaches?: boolean | undefined; exclude?: readonly string[] | undefined } = {},
): CaptureRules {
  return { keepCaches, exclude, ignoreFile: readIgnoreFile(dir) };
}

/**
 * Returns the user's rules in `dir`, or undefined if there are none. Throws USAGE if the rules are
 * no regular file, too large or not UTF-8.
 */
function readIgnoreFile(dir: string): string | undefined {
  const real = resolveDirectory(dir);
  rejectUnreadable(dir, real);
  const path = join(real, IGNORE_FILE);
  const stat = ifThere(path, () => statSync(path));
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw usage(`expected a file at ${quote(path)}, found something else`);
  checkSize(stat.size, quote(path));
  const bytes = ifThere(path, () => readFileSync(path));
  if (bytes !== undefined && !isUtf8(bytes)) throw usage(`expected UTF-8 in ${quote(path)}, found other bytes`);
  return bytes?.toString();
}

/** Throws UNREADABLE if this user cannot list the directory or open its entries. */
function rejectUnreadable(dir: string, real: string): void {
  try {
    accessSync(real, constants.R_OK | constants.X_OK);
  } catch (error) {
    const mode = (statSync(real).mode & 0o777).toString(8).padStart(3, '0');
    throw new BrowserStateError('UNREADABLE', `${dir}: expected a directory that can be read, found mode ${mode} (${errno(error)})`, {
      hint: 'Run `chmod u+rwx` on it as its owner, or work as that user; nothing was committed.',
      details: { path: dir },
      cause: error,
    });
  }
}

/**
 * Builds the filter for these rules. Throws USAGE for a pattern that never matches, and for more
 * than 64 KiB of patterns.
 */
export function buildFilter({ facts, keepCaches, exclude, ignoreFile }: CaptureRules & { facts: DirectoryFacts }): Filter {
  const userRule = compileRules(exclude, ignoreFile ?? '');
  const directories = new Map<string, boolean>();

  function excludesItself(path: string, isDirectory: boolean): boolean {
    if (path === IGNORE_FILE) return false;
    const group = defaultExclude(facts, path, isDirectory);
    if (group === 'locks') return true;
    return userRule(path, isDirectory) ?? (group !== undefined && !keepCaches);
  }
  function excludesDirectory(path: string): boolean {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const excluded = excludes(path, true);
    directories.set(path, excluded);
    return excluded;
  }
  function excludes(path: string, isDirectory: boolean): boolean {
    const parent = parentPath(path);
    return (parent !== '' && excludesDirectory(parent)) || excludesItself(path, isDirectory);
  }
  return { excludes };
}

/**
 * Returns whether a path matches one of the globs. Each glob names a file or a whole directory,
 * anchored at the root, such as `Default/Cookies`, `Default/IndexedDB` or `Default/Local
 * Storage/**`. Throws USAGE if there are no globs, and for a glob that is negated or never matches.
 */
export function matcher(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) throw usage('expected at least one glob, found none');
  checkSize(totalBytes(globs), 'the globs');
  const rules = ignore({ ignorecase: false });
  for (const glob of globs) {
    if (glob.startsWith('!')) throw usage(`expected a glob that names what to take, found ${quote(glob)}`);
    const anchored = `/${glob.replace(/^\/+/, '').replace(/(?:\/\*\*|\/)+$/, '')}`;
    checkPattern(anchored, 'a glob', glob);
    rules.add({ pattern: anchored });
  }
  return (path) => rules.ignores(path);
}

/**
 * Returns a pattern that excludes the entry at `path`, for hints. Characters that a pattern cannot
 * express become `?`.
 */
export function patternFor(path: string): string {
  const writable = path.replaceAll(/[\p{Cc}\ufffd]/gu, '?');
  return `/${writable.replaceAll(/[\\*[]/g, '\\$&').replace(/ $/, '\\ ')}`;
}

/**
 * Returns true for an excluded entry, false for an entry that is included again, and undefined if
 * no rule matches.
 */
type UserRule = (path: string, isDirectory: boolean) => boolean | undefined;

function compileRules(exclude: readonly string[], ignoreFile: string): UserRule {
  checkSize(Buffer.byteLength(ignoreFile), IGNORE_FILE);
  checkSize(totalBytes(exclude), 'the exclude patterns');
  const lines = ignoreFile.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.trim() !== '' && !line.startsWith('#')) checkPattern(line, `line ${index + 1} of ${IGNORE_FILE}`);
  }
  for (const pattern of exclude) {
    if (pattern.startsWith('#')) throw usage(`cannot use ${quote(pattern)} as an exclude pattern: it is a comment`);
    checkPattern(pattern, 'an exclude pattern');
  }
  if (exclude.length === 0 && ignoreFile === '') return () => undefined;
  const rules = ignore({ ignorecase: false })
    .add(ignoreFile)
    .add(exclude.map((pattern) => ({ pattern })));
  return (path, isDirectory) => {
    const { ignored, unignored } = rules.test(isDirectory ? `${path}/` : path);
    return ignored || unignored ? ignored : undefined;
  };
}

function checkPattern(pattern: string, what: string, shown = pattern): void {
  const problem = patternProblem(pattern);
  if (problem !== undefined) throw usage(`cannot use ${quote(shown)} as ${what}: ${problem}`);
}

const bracketMember = String.raw`\[:(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit):\]|\\[^]|\[(?!:)`;
/** An escaped character, or a bracket expression as git parses it: a leading `]` is a member. */
const escapeOrBracket = new RegExp(String.raw`\\[^]|\[(?:[!^]|(?![!^]))(?:${bracketMember}|[^\\[])(?:${bracketMember}|[^\]\\[])*\]`, 'g');

/** Returns why git never matches anything with `pattern`, or undefined if it can match. */
function patternProblem(pattern: string): string | undefined {
  const body = pattern.replace(/^!/, '').replace(/^\//, '');
  const plain = body.replaceAll(escapeOrBracket, 'x');
  if (body.trim() === '') return 'it names nothing';
  if (/[\0\r\n]/.test(body)) return 'it holds a line break or a zero byte';
  if (plain.endsWith('\\')) return 'it ends in a backslash that escapes nothing';
  if (plain.includes('[')) return 'it has a bracket that is not closed';
  if (plain.split('/').some((part) => part === '.' || part === '..'))
    return 'patterns begin at the directory itself and have no `.` or `..`';
  return undefined;
}

function checkSize(bytes: number, what: string): void {
  if (bytes > MAX_RULES_BYTES) throw usage(`expected at most ${MAX_RULES_BYTES} bytes of rules in ${what}, found ${bytes}`);
}

function totalBytes(patterns: readonly string[]): number {
  return patterns.reduce((sum, pattern) => sum + Buffer.byteLength(pattern) + 1, 0);
}

function usage(message: string): BrowserStateError {
  return new BrowserStateError('USAGE', message, { hint: 'Patterns have the syntax of .gitignore, case-sensitive.' });
}

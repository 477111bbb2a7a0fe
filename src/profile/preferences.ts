/**
 * Repairs of a profile's preferences before a browser opens it. A correct file is not written. A
 * file without valid preferences is kept, and the browser replaces it.
 */
import { join } from 'node:path';
import { setInJson } from './formats/json-edit.js';
import { asObject, parseObject } from './formats/json-object.js';
import { readProfileFile, replaceProfileFile } from './profile-file.js';

export interface Mending {
  /**
   * Removes the mark of a killed browser. With the mark, Chromium offers to restore, and keeps only
   * the session cookies of that run.
   */
  exitType: boolean;
  /**
   * Makes the browser restore the last session. Otherwise the browser deletes session cookies at
   * the next start.
   */
  keepSessionCookies: boolean;
}

type Edit = [path: readonly string[], value: string | number | boolean];

/** Mends a profile directory of Chromium. */
export function mendChromium(profile: string, mending: Mending): void {
  const path = join(profile, 'Preferences');
  const file = readProfileFile(path);
  const preferences = file && parseObject(file.text);
  if (file === undefined || preferences === undefined) return;
  let text: string | undefined = file.text;
  for (const [member, value] of chromiumEdits(preferences, mending)) text = text && setInJson(text, member, value);
  if (text !== undefined && text !== file.text) replaceProfileFile(path, { ...file, text });
}

function chromiumEdits(preferences: Record<string, unknown>, { exitType, keepSessionCookies }: Mending): Edit[] {
  const edits: Edit[] = [];
  const profile = asObject(preferences['profile']);
  if (exitType && profile?.['exit_type'] === 'Crashed') edits.push([['profile', 'exit_type'], 'Normal']);
  // exited_cleanly is the older form of exit_type. Some versions write both.
  if (exitType && profile?.['exited_cleanly'] === false) edits.push([['profile', 'exited_cleanly'], true]);
  const session = asObject(preferences['session']);
  if (keepSessionCookies && session?.['restore_on_startup'] !== 1) edits.push([['session', 'restore_on_startup'], 1]);
  return edits;
}

/** The preference of Firefox that restores the last session, by the value 3. */
export const firefoxRestores = { 'browser.startup.page': 3 } as const;

/** Mends a profile of Firefox. user.js overrides prefs.js, and the last line of a file wins. */
export function mendFirefox(profile: string, { keepSessionCookies }: Pick<Mending, 'keepSessionCookies'>): void {
  if (!keepSessionCookies) return;
  const user = readProfileFile(join(profile, 'user.js'));
  const startupPage = lastStartupPage(user?.text) ?? lastStartupPage(readProfileFile(join(profile, 'prefs.js'))?.text);
  if (startupPage === '3') return;
  const { text = '', mode = 0o600 } = user ?? {};
  const line = `user_pref("browser.startup.page", ${firefoxRestores['browser.startup.page']});\n`;
  replaceProfileFile(join(profile, 'user.js'), { text: `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}`, mode });
}

/**
 * Returns the value of the last line that sets the preference. Examines one line at a time, since a
 * pattern for the whole text would backtrack in a hostile file.
 */
function lastStartupPage(text = ''): string | undefined {
  const lines = text.split('\n').filter((line) => line.includes('"browser.startup.page"'));
  const values = lines.flatMap((line) => {
    const [call = '', name = '', rest] = splitTwice(line, '(', ',');
    const end = rest?.indexOf(')') ?? -1;
    const isLine = call.trim() === 'user_pref' && name.trim() === '"browser.startup.page"' && rest !== undefined && end !== -1;
    return isLine &&
      rest
        .slice(end + 1)
        .trimStart()
        .startsWith(';')
      ? [rest.slice(0, end).trim()]
      : [];
  });
  return values.at(-1);
}

/**
 * Returns the text before the first mark, the text between this mark and the next other mark, and
 * the rest. Returns an empty list if a mark is missing.
 */
function splitTwice(text: string, first: string, second: string): [string, string, string] | [] {
  const one = text.indexOf(first);
  const two = text.indexOf(second, one + 1);
  return one === -1 || two === -1 ? [] : [text.slice(0, one), text.slice(one + 1, two), text.slice(two + 1)];
}

/**
 * What is mended in the preferences of a profile before a browser opens it. A file that needs no mending is not written, and one that is no
 * preferences is left to the browser, which makes it anew.
 */
import { join } from 'node:path';
import { asObject, parseObject } from '../workspace/json-object.js';
import { setInJson } from './json-edit.js';
import { readProfileFile, replaceProfileFile } from './profile-file.js';

export interface Mending {
  /** Forget that the browser was killed: else it offers to restore, and keeps the session cookies of that run alone. */
  exitType: boolean;
  /** Have the last session restored, without which cookies that have no expiry are deleted at the next start. */
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
  // What versions before exit_type wrote, and some still do beside it.
  if (exitType && profile?.['exited_cleanly'] === false) edits.push([['profile', 'exited_cleanly'], true]);
  const session = asObject(preferences['session']);
  if (keepSessionCookies && session?.['restore_on_startup'] !== 1) edits.push([['session', 'restore_on_startup'], 1]);
  return edits;
}

/** The preference of Firefox that has the last session restored; 3 does. */
export const firefoxRestores = { 'browser.startup.page': 3 } as const;

/** Mends a profile of Firefox. What user.js says is what counts, and in each file the last line. */
export function mendFirefox(profile: string, { keepSessionCookies }: Pick<Mending, 'keepSessionCookies'>): void {
  if (!keepSessionCookies) return;
  const user = readProfileFile(join(profile, 'user.js'));
  const startupPage = lastStartupPage(user?.text) ?? lastStartupPage(readProfileFile(join(profile, 'prefs.js'))?.text);
  if (startupPage === '3') return;
  const { text = '', mode = 0o600 } = user ?? {};
  const line = `user_pref("browser.startup.page", ${firefoxRestores['browser.startup.page']});\n`;
  replaceProfileFile(join(profile, 'user.js'), { text: `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}`, mode });
}

/** Returns the value of the last line that sets the preference. Every line is looked at once: a pattern with spaces in it would go back and forth in a hostile file. */
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

/** The text before the first mark, between it and the next other mark, and after that. */
function splitTwice(text: string, first: string, second: string): [string, string, string] | [] {
  const one = text.indexOf(first);
  const two = text.indexOf(second, one + 1);
  return one === -1 || two === -1 ? [] : [text.slice(0, one), text.slice(one + 1, two), text.slice(two + 1)];
}

/**
 * Changes one value in the text of a JSON object and leaves every other byte as it is: browsers write numbers and orders of members that
 * parsing and printing would not give back.
 */
import { endOfString, parseObject } from '../workspace/json-object.js';

/** The beginning of a string, a bracket or a separator, and what else is no space. A whole string by pattern would go back and forth in a long one. */
const TOKEN = /["{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * The text with `value` at the path of member names; members that are missing are put in. Undefined where the text is no JSON object, or a
 * member on the way holds something else than one.
 */
export function setInJson(text: string, path: readonly string[], value: string | number | boolean): string | undefined {
  if (parseObject(text) === undefined) return undefined;
  let at = text.indexOf('{');
  for (const [depth, name] of path.entries()) {
    if (text[at] !== '{') return undefined;
    const member = findMember(text, at, name);
    if (member === undefined) return insertMember(text, at, path.slice(depth), value);
    if (depth === path.length - 1) return text.slice(0, member.start) + JSON.stringify(value) + text.slice(member.end);
    at = member.start;
  }
  return undefined;
}

interface Span {
  start: number;
  end: number;
}

/** Where the value of a member lies, of the object that opens at `open`; the last of several by one name, as for JSON.parse. */
function findMember(text: string, open: number, wanted: string): Span | undefined {
  let depth = 0;
  let name: string | undefined;
  let value: Span | undefined;
  let found: Span | undefined;
  for (const { start, token } of tokens(text, open + 1)) {
    if (depth === 0 && (token === ',' || token === '}')) {
      if (name === wanted) found = value;
      if (token === '}') break;
      name = undefined;
      value = undefined;
    } else if (name === undefined) {
      name = JSON.parse(token) as string;
    } else if (depth > 0 || token !== ':') {
      if (token === '{' || token === '[') depth++;
      if (token === '}' || token === ']') depth--;
      value = { start: value?.start ?? start, end: start + token.length };
    }
  }
  return found;
}

function* tokens(text: string, from: number): Generator<{ start: number; token: string }> {
  const pattern = new RegExp(TOKEN);
  pattern.lastIndex = from;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (match[0] === '"') pattern.lastIndex = endOfString(text, match.index) + 1;
    yield { start: match.index, token: text.slice(match.index, pattern.lastIndex) };
  }
}

function insertMember(text: string, open: number, path: readonly string[], value: string | number | boolean): string {
  const member = path.reduceRight<string>((inner, name, i) => {
    const named = `${JSON.stringify(name)}:${inner}`;
    return i === 0 ? named : `{${named}}`;
  }, JSON.stringify(value));
  const rest = text.slice(open + 1);
  return `${text.slice(0, open + 1)}${member}${/^\s*\}/.test(rest) ? '' : ','}${rest}`;
}

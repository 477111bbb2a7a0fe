/**
 * Changes of one value in the text of a JSON object. Every other byte is kept. Parsing and
 * serializing would change the numbers and the order of members that browsers write.
 */
import { endOfString, parseObject } from './json-object.js';

/**
 * A pattern of the start of a string, a bracket, a separator, or other text without spaces. A
 * pattern for whole strings would backtrack in long strings.
 */
const TOKEN = /["{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * Returns the text with `value` at the path of member names. Adds missing members. Returns
 * undefined if the text is no JSON object, or if a member on the path is not an object.
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

/**
 * Returns the position of a member's value in the object that opens at `open`. Of duplicate names
 * the last one counts, as for JSON.parse.
 */
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

import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { setInJson } from '../../../../src/profile/formats/json-edit.js';
import { holds } from '../../../support/property.js';

test('a value is set at its path and everything else stays, byte for byte', (t) => {
  const text = '{ "a" : 1.0, "p": {"n":12345678901234567890,"s":"x}\\",", "exit":"Crashed" , "l":[{"exit":1}]}, "exit":0}\n';
  t.is(setInJson(text, ['p', 'exit'], 'Normal'), text.replace('"Crashed"', '"Normal"'));
  t.is(setInJson(text, ['exit'], 'x'), text.replace('"exit":0', '"exit":"x"'));
  t.is(setInJson(text, ['p', 'new'], 1), text.replace('"p": {', '"p": {"new":1,'));
  t.is(setInJson(text, ['q', 'r'], true), text.replace('{ "a"', '{"q":{"r":true}, "a"'));
});

test('an empty object gets its first member, and of twins the last is set, which is the one that counts', (t) => {
  t.is(setInJson(' { } ', ['a', 'b'], 1), ' {"a":{"b":1} } ');
  t.is(setInJson('{"a":1,"\\u0061":2}', ['a'], 3), '{"a":1,"\\u0061":3}');
});

test('a value that is not an object is not changed', (t) => {
  for (const text of ['', '{', '[]', 'null', '"a"', '{"a":1}x', '{"a":1,}']) t.is(setInJson(text, ['a'], 1), undefined, text);
  for (const text of ['{"a":1}', '{"a":[1]}', '{"a":null}', '{"a":"{"}']) t.is(setInJson(text, ['a', 'b'], 1), undefined, text);
});

test('of any object the result parses to the object with that value', async (t) => {
  // No name ends with a backslash. After such a name, JSON.parse of Node 24 mistakes "\\"" for the
  // same name.
  const name = fc.oneof(
    fc.constantFrom('a', 'b', '"', '\\n', '}'),
    fc.string().filter((any) => !any.endsWith('\\')),
  );
  const inner = fc.dictionary(name, fc.jsonValue());
  const property = fc.property(
    fc.dictionary(name, fc.oneof(fc.jsonValue(), inner)),
    name,
    inner,
    name,
    fc.constantFrom('', ' ', '\t'),
    (rest, outer, members, member, indent) => {
      // JSON.parse makes the object: a member named __proto__ is like any other.
      const of = (...entries: [string, unknown][]): object => JSON.parse(JSON.stringify(Object.fromEntries(entries))) as object;
      const kept = Object.entries(rest).filter(([key]) => key !== outer);
      const text = JSON.stringify(of(...kept, [outer, members]), null, indent);
      const others = Object.entries(members).filter(([key]) => key !== member);
      const expected = of(...kept, [outer, of(...others, [member, 'set'])]);
      return isDeepStrictEqual(JSON.parse(setInJson(text, [outer, member], 'set') as string), expected);
    },
  );
  await holds(t, property, { numRuns: 500 });
});

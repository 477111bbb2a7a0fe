/**
 * The vectors, in both directions. Every value has its bytes, the bytes are read as the value, and
 * invalid bytes are rejected (SPEC.md 17).
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import type { ErrorCode } from '../../../src/base/errors.js';
import { rejects } from '../../support/errors.js';
import { fromHex } from '../../support/hex.js';
import { toJson } from './format.js';
import { formats, pathOf, textOf } from './generate.js';

interface Vectors {
  vectors: { name: string; value: unknown; hex: string }[];
  refused: { rule: string; code: ErrorCode; hex: string }[];
}

for (const format of formats) {
  const text = readFileSync(pathOf(format), 'utf8');
  const file = JSON.parse(text) as Vectors;

  test(`section ${format.section}: ${format.name} are written as in their vectors`, async (t) => {
    t.is(await textOf(format), text);
    t.true(file.vectors.length > 0);
  });

  for (const { name, value, hex } of file.vectors) {
    test(`section ${format.section}: ${format.name}, ${name}, is read as in the vector`, async (t) => {
      t.deepEqual(toJson(await format.decode(fromHex(hex), format.values[name])), value);
    });
  }

  for (const [i, { rule, code, hex }] of file.refused.entries()) {
    test(`${rule} (${format.name} ${i}) is rejected`, async (t) => {
      await rejects(t, async () => format.decode(fromHex(hex), format.refused[i]?.as), code);
    });
  }
}

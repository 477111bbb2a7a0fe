/** Columns of text on a terminal, and text that is shortened to them. */
import test from 'ava';
import { cutEnd, cutMiddle, textWidth } from '../../../../cli/output/width.js';

const widths: readonly (readonly [text: string, columns: number])[] = [
  ['', 0],
  ['work', 4],
  ['ünïcödé', 7],
  ['u\u0308', 1],
  ['日本語', 6],
  ['한국어', 6],
  ['ｆｕｌｌ', 8],
  ['🎉', 2],
  ['❤️', 2],
  ['a\u200bb', 2],
  ['👩\u200d🚀', 4],
  ['𠮷', 2],
  ['─┐…', 3],
];
for (const [text, columns] of widths) test(`the width of ${JSON.stringify(text)} is ${columns}`, (t) => t.is(textWidth(text), columns));

const ends: readonly (readonly [text: string, columns: number, cut: string])[] = [
  ['message', 7, 'message'],
  ['message', 6, 'messa…'],
  ['message', 1, '…'],
  ['日本語', 6, '日本語'],
  ['日本語', 5, '日本…'],
  ['日本語', 4, '日…'],
  ['👩\u200d🚀!', 4, '👩\u200d…'],
  ['u\u0308u\u0308u\u0308', 2, 'u\u0308…'],
];
for (const [text, columns, cut] of ends)
  test(`${JSON.stringify(text)} in ${columns} columns is ${cut}`, (t) => t.is(cutEnd(text, columns), cut));

const middles: readonly (readonly [text: string, columns: number, cut: string])[] = [
  ['worker-000001', 13, 'worker-000001'],
  ['worker-000001', 12, 'worker…00001'],
  ['worker-000001', 5, 'wo…01'],
  ['日本語日本語', 6, '日…語'],
];
for (const [text, columns, cut] of middles)
  test(`${JSON.stringify(text)} in the middle of ${columns} columns is ${cut}`, (t) => t.is(cutMiddle(text, columns), cut));

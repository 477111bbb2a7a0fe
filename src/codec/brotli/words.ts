/**
 * The words that all brotli streams share: a dictionary by length, and the transforms of a word.
 * RFC 7932 defines them in section 8 and appendices A and B.
 */
import { inflateSync } from 'fflate';
import { check } from '../../base/errors.js';
import { BROTLI_DICTIONARY } from './dictionary.js';

/** For each length of a word, the logarithm of the number of words. */
const COUNT_LOGS = [0, 0, 0, 0, 10, 10, 11, 11, 10, 10, 10, 10, 10, 9, 9, 8, 7, 7, 8, 7, 7, 6, 6, 5, 5];
const STARTS = COUNT_LOGS.map((_, length) => COUNT_LOGS.slice(4, length).reduce((sum, log, i) => sum + (i + 4) * 2 ** log, 0));

/**
 * The transforms in order, each as `prefix|change|suffix`. Changes: none; the first letter (u) or
 * all (U) in upper case; the first (<) or last (>) bytes omitted.
 */
const TRANSFORMS = (
  '||^|| ^ || ^|<1|^|u| ^|| the ^ ||^s || ^|| of ^|u|^|| and ^|<2|^|>1|^, || ^||, ^ |u| ^|| in ^|| to ^e || ^||"^||.^||">^||\n^' +
  "|>3|^||]^|| for ^|<3|^|>2|^|| a ^|| that ^ |u|^||. ^.||^ ||, ^|<4|^|| with ^||'^|| from ^|| by ^|<5|^|<6|^ the ||^|>4|^" +
  '||. The ^|U|^|| on ^|| as ^|| is ^|>7|^|>1|ing ^||\n\t^||:^ ||. ^||ed ^|<9|^|<7|^|>6|^||(^|u|, ^|>8|^|| at ^||ly ^ the || of ^' +
  '|>5|^|>9|^ |u|, ^|u|"^.||(^|U| ^|u|">^||="^ ||.^.com/||^ the || of the ^|u|\'^||. This ^||,^.|| ^|u|(^|u|.^|| not ^ ||="^||er ^' +
  " |U| ^||al ^ |U|^||='^|U|\"^|u|. ^ ||(^||ful ^ |u|. ^||ive ^||less ^|U|'^||est ^ |u|.^|U|\">^ ||='^|u|,^||ize ^|U|.^\xc2\xa0||^" +
  ' ||,^|u|="^|U|="^||ous ^|U|, ^|u|=\'^ |u|,^ |U|="^ |U|, ^|U|,^|U|(^|U|. ^ |U|.^|U|=\'^ |U|. ^ |u|="^ |U|=\'^ |u|=\''
).split('^');

let dictionary: Uint8Array | undefined;

/**
 * Returns the word of that length and number, transformed by the number. Throws INTEGRITY if there
 * is no such word.
 */
export function dictionaryWord(length: number, id: number): Uint8Array {
  const log = COUNT_LOGS[length] ?? 0;
  const transform = TRANSFORMS[Math.floor(id / 2 ** log)];
  check(log > 0 && transform !== undefined, `brotli frame: expected a distance within what was decoded, found one ${id + 1} beyond`);
  dictionary ??= inflateSync(latin1(atob(BROTLI_DICTIONARY)));
  const start = (STARTS[length] as number) + length * (id % 2 ** log);
  const [prefix = '', change = '', suffix = ''] = transform.split('|');
  const changed = applyChange(dictionary.slice(start, start + length), change);
  const word = new Uint8Array(prefix.length + changed.length + suffix.length);
  word.set(latin1(prefix));
  word.set(changed, prefix.length);
  word.set(latin1(suffix), prefix.length + changed.length);
  return word;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function applyChange(word: Uint8Array, change: string): Uint8Array {
  const count = Number(change.slice(1));
  if (change.startsWith('<')) return word.subarray(count);
  if (change.startsWith('>')) return word.subarray(0, Math.max(0, word.length - count));
  if (change !== '') {
    for (let at = 0; at < (change === 'U' ? word.length : 1); ) at = raiseLetter(word, at);
  }
  return word;
}

/**
 * Converts the letter at `at` to upper case, or changes a longer UTF-8 sequence as the format
 * defines. Returns the position of the next letter.
 */
function raiseLetter(word: Uint8Array, at: number): number {
  const byte = word[at] as number;
  const [offset, mask, size] = byte < 0xc0 ? [0, byte >= 97 && byte <= 122 ? 32 : 0, 1] : byte < 0xe0 ? [1, 32, 2] : [2, 5, 3];
  if (at + offset < word.length) word[at + offset] = (word[at + offset] as number) ^ mask;
  return at + size;
}

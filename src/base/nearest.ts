/** Suggestions for mistyped words: the nearest known word. */

/** Typing errors that a suggestion tolerates. */
const MAX_DISTANCE = 3;

/** Returns the other word that differs least from `word`, or undefined if none is close enough. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of candidates) {
    const length = Math.min(word.length, name.length);
    // Every short word is alike.
    const limit = length < 2 ? 0 : Math.min(MAX_DISTANCE, Math.ceil(length / 2));
    const isAlike = name.startsWith(word) || name.toLowerCase() === word.toLowerCase();
    // Words that are much longer or shorter are not compared: there may be thousands of names.
    const isCandidate = name !== word && (isAlike || Math.abs(name.length - word.length) <= limit);
    const away = !isCandidate ? Number.POSITIVE_INFINITY : isAlike ? 1 : distance(word, name);
    if (away <= limit && away < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { name, distance: away };
  }
  return best?.name;
}

/**
 * Returns the Levenshtein distance: the insertions, deletions and replacements between two words.
 */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j + 1] as number) + 1, (next[j] as number) + 1, (row[j] as number) + (b[j] === character ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Columns that text occupies on a terminal, and text shortened to fit a number of them. */

const plain = /^[\x20-\x7e]*$/;
/** Marks and format characters, which are drawn onto the character before them. */
const zero = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** Emoji, and the letters of East Asia that are drawn twice as wide. */
const wide =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/**
 * Returns the columns of a text without control characters. Terminals differ on joined emoji. All
 * parts of such an emoji are counted, so that a line is never wider than the result.
 */
export function textWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  // This selector makes the symbol before it an emoji, one column wider.
  if (character === '\ufe0f') return 1;
  if (zero.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** Shortens a text to a number of columns. An ellipsis replaces its end. */
export function cutEnd(text: string, columns: number): string {
  return textWidth(text) <= columns ? text : `${start(text, columns - 1).replace(/[ …]+$/, '')}…`;
}

/** Shortens a text to a number of columns. An ellipsis replaces its middle. */
export function cutMiddle(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const end = start([...text].reverse().join(''), Math.floor((columns - 1) / 2));
  return `${start(text, Math.ceil((columns - 1) / 2))}…${[...end].reverse().join('')}`;
}

/** Returns the first characters that fit into the columns. */
function start(text: string, columns: number): string {
  let width = 0;
  let length = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns) break;
    length += character.length;
  }
  return text.slice(0, length);
}

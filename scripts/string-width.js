/**
 * Takes the place of the package of that name in the bundle, where yargs lays out help with it. The
 * package compiles tables of emoji when it is loaded, which takes longer than many a command runs.
 * Help has no character that is wider than one column.
 */
import { stripVTControlCharacters } from 'node:util';

/** Returns the width of a text in a terminal, in columns. */
export default function stringWidth(text) {
  return stripVTControlCharacters(text).length;
}

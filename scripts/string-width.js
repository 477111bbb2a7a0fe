/**
 * A replacement for the package string-width in the bundle. yargs uses it for the layout of help.
 * The package compiles tables of emoji when it is loaded, which takes longer than some commands
 * run. No character of the help is wider than one column.
 */
import { stripVTControlCharacters } from 'node:util';

/** Returns the width of a text in a terminal, in columns. */
export default function stringWidth(text) {
  return stripVTControlCharacters(text).length;
}

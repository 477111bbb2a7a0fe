/**
 * The program that writes the vectors (SPEC.md 17) from the values in this folder. The files are
 * the same in every run:
 *
 *     npm run build && node dist/test/format/vectors/generate.js
 */
import { writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { configs, epochs, refs, segments } from './cells.js';
import { codecs, envelopes } from './envelopes.js';
import { type Format, fileOf } from './format.js';
import { blobs, commits, primitives, trees } from './objects.js';
import { locators, manifests, packs, patches } from './packs.js';

// Each value goes back into the format that it came from. The type of the list cannot express that.
export const formats = [
  primitives,
  blobs,
  trees,
  commits,
  envelopes,
  codecs,
  packs,
  patches,
  locators,
  manifests,
  configs,
  epochs,
  refs,
  segments,
] as unknown as Format<unknown>[];

/** Returns the path of the file of a format's vectors, in the folder of this script's source. */
export function pathOf(format: Format<unknown>): string {
  return fileURLToPath(new URL(`../../../../test/format/vectors/${format.name}.json`, import.meta.url));
}

export async function textOf(format: Format<unknown>): Promise<string> {
  return `${JSON.stringify(await fileOf(format), null, 1)}\n`;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  for (const format of formats) writeFileSync(pathOf(format), await textOf(format));
}

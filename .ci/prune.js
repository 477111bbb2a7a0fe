/** Removes from dist/ what no source file compiles to any more, so that a deleted test does not go on being run. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

if (existsSync('dist')) {
  for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const source = relative('dist', file).replace(/(?:\.d)?\.[jt]s$/, '.ts');
    if (entry.isFile() && !existsSync(source)) rmSync(file);
  }
}

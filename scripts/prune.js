/** Removes from dist/ what no source file compiles to any more, so that a deleted test does not go on being run. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

if (existsSync('dist')) {
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    const source = name.replace(/(?:\.d\.ts|\.js)$/, '.ts');
    if (source !== name && !existsSync(source)) rmSync(join('dist', name));
  }
}

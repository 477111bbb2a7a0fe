/** Removes outputs from dist/ whose source file is gone, so that a deleted test no longer runs. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

if (existsSync('dist')) {
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    const source = name.replace(/(?:\.d\.ts|\.js)$/, '.ts');
    if (source !== name && !existsSync(source)) rmSync(join('dist', name));
  }
}

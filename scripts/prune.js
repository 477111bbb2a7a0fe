/**
 * The removal of stale outputs from dist/: files whose source is gone, so that a deleted test no
 * longer runs, and the bundles, whose names change.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

rmSync('dist/lib', { recursive: true, force: true });
if (existsSync('dist')) {
  for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    const source = name.replace(/^types\//, '').replace(/(?:\.d\.ts|\.js)$/, '.ts');
    if (source !== name && source.endsWith('.ts') && !existsSync(source)) rmSync(join('dist', name));
  }
}

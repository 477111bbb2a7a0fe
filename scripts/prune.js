/**
 * The removal of stale outputs from dist/. Outputs of deleted sources are removed, so that a
 * deleted test no longer runs. The bundles are removed, because their names change.
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

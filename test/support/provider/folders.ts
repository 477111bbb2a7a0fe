/** Folders that exist until the test ends, and a host for providers in tests. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

export const host = { random: (length: number): Uint8Array => new Uint8Array(randomBytes(length)) };

export async function freshFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'browserstate-provider-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

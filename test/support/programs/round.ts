/**
 * The program of the mount crash test: one round of a worker, with folders as the local store and
 * the remote.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { systemHost } from '../../../src/base/host.js';
import { localProvider, openStore } from '../../../src/index.js';

const [home, remote, mark] = process.argv.slice(2) as [string, string, string];
const store = await openStore({ home, userId: 'tester', remote: localProvider(remote, systemHost) });
const mount = await store.mount('s');
writeFileSync(join(mount.dir, 'Default/Cookies'), mark);
await mount.unmount();
await store.close();

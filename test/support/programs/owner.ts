/**
 * The program of the tests of owners. `hold`: prints its name in a folder and runs until it is
 * stopped. `end`: prints its name and exits. `state`: prints the state of a name.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { systemHost } from '../../../src/base/host.js';

const [folder, action, name] = process.argv.slice(2) as [string, 'hold' | 'end' | 'state', string];
const owners = systemHost.owners(folder);
if (action === 'state') writeSync(1, await owners.state(name));
else {
  writeSync(1, `${(await owners.hold()).name}\n`);
  if (action === 'hold') setInterval(() => undefined, 1000);
}

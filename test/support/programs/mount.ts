/**
 * The program of the tests with processes. It mounts session `s` of a local store, writes cookies,
 * prints its directory, and continues by its argument. `wait`: runs until it is stopped. `unmount`:
 * unmounts. `throw`: throws an uncaught error. `other`: has its own handler. `leave`: ignores
 * signals.
 */
import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { BrowserState } from '../../../src/index.js';

const [home, mark, action] = process.argv.slice(2) as [string, string, 'wait' | 'unmount' | 'throw' | 'other' | 'leave'];
const say = (text: string): void => void writeSync(1, `${text}\n`);
const state = new BrowserState({ home, userId: 'tester', onWarning: (message) => say(`warning: ${message}`) });
const dir = await state.mount('s', { handleSignals: action !== 'leave' });
mkdirSync(join(dir, 'Default'), { recursive: true });
writeFileSync(join(dir, 'Default/Cookies'), mark);
writeFileSync(join(dir, 'Local State'), '{}');
say(dir);
if (action === 'unmount') await state.unmount();
else {
  if (action === 'other') {
    process.on('SIGTERM', () => {
      say('heard');
      // The process exits when it has nothing left to do.
      clearInterval(life);
    });
  }
  if (action === 'throw')
    setImmediate(() => {
      throw new Error('of the program');
    });
}
const life = action === 'unmount' ? undefined : setInterval(() => undefined, 1000);

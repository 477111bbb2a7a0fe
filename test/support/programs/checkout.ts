/** The program of the checkout crash tests, which checks out a version of the session `main`. */
import process from 'node:process';
import { openStore } from '../../../src/index.js';

const [home, dir, at, ...words] = process.argv.slice(2) as [string, string, string, ...string[]];
const store = await openStore({ home, userId: 'tester' });
await store.session('main').checkout(dir, { at, force: words.includes('force'), keepDirectory: words.includes('keep') });

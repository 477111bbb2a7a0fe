/**
 * A program that writes numbered entries to a LevelDB until it is killed. The entries are so many
 * that LevelDB compacts all the time. It prints the number of each written entry.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Level } from 'level';
import { levelKey, levelValue } from '../session/live.js';

const [path] = process.argv.slice(2) as [string];
const db = new Level<string, string>(path, { writeBufferSize: 64 * 1024, maxFileSize: 1024 * 1024, compression: false });
for (let n = 0; ; n++) {
  await db.put(levelKey(n), levelValue(n));
  process.stdout.write(`${n}\n`);
  if (n % 4 === 0) await sleep(1);
}

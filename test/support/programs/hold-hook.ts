/**
 * A module loaded with --import that holds a program at its first HOLD until the file GO exists. It
 * creates the file HELD at the hold. HOLD is one of these moments:
 *
 * - `record`: a directory's record is about to be put in place.
 * - `placed`: like `record`, and the directory DIR exists.
 * - `changing`: like `record`, and the previous record says that the directory is being changed.
 * - `stage`: a stage for a checkpoint was made.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';

const { HOLD, HELD, GO, DIR } = process.env as Record<'HOLD' | 'HELD' | 'GO' | 'DIR', string>;
const { existsSync, readFileSync, writeFileSync } = fs;
const { rename, mkdir } = fs.promises;
let isOver = false;

function hold(): void {
  if (isOver) return;
  isOver = true;
  writeFileSync(HELD, '');
  while (!existsSync(GO)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

fs.promises.rename = async (from, to) => {
  const isRecord = String(to).endsWith('.json');
  const isChanging = () => existsSync(to) && /"phase":"(?:swap|clear|fill|apply)"/.test(readFileSync(to, 'latin1'));
  if (isRecord && (HOLD === 'record' || (HOLD === 'placed' && existsSync(DIR)) || (HOLD === 'changing' && isChanging()))) hold();
  await rename(from, to);
};
fs.promises.mkdir = (async (...parameters: Parameters<typeof mkdir>) => {
  const made = await mkdir(...parameters);
  if (HOLD === 'stage' && /\/checkpoints\/./.test(String(parameters[0]))) hold();
  return made;
}) as typeof mkdir;
syncBuiltinESMExports();

/** Commands in terminals of their own, with typed answers to their questions. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Desk, main } from './cli.js';

/** A pattern of a progress bar that is drawn, drawn again, and cleared. */
const progress = /\r[^\r\n]*\p{Cc}\[K/gu;

/** Starts a shell command in a new terminal. `browserstate` is the command line. */
function startInTerminal(desk: Desk, command: string): ChildProcess {
  const words = command.replace('browserstate', `exec '${process.execPath}' '${main}'`);
  return spawn('script', ['-qec', words, '/dev/null'], { cwd: desk.dir, env: { ...desk.env, SHELL: '/bin/sh', NO_COLOR: '1' } });
}

/** Runs a command in a terminal, and types an answer after the question appears. */
export async function answered(desk: Desk, command: string, answer: string): Promise<{ status: number; seen: string }> {
  const terminal = startInTerminal(desk, command);
  let seen = '';
  terminal.stdout?.on('data', (text) => {
    const isAsked = seen.includes('[y/N]');
    seen += String(text);
    if (!isAsked && seen.includes('[y/N]')) terminal.stdin?.write(answer);
  });
  const [status] = (await once(terminal, 'close')) as [number];
  return {
    status,
    seen: seen
      .replaceAll('\r\n', '\n')
      .replace(progress, '')
      .replace(/just now|\d+ \w+ ago/, 'AGE'),
  };
}

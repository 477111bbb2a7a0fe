/** An X server without a screen, and windows on it that close as if a person closed them. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const POLL_MS = 500;

export interface Display {
  /** The name, as in the environment variable DISPLAY. */
  name: string;
  /** Closes windows with such titles, like a window manager does, until `ended` resolves. */
  close(title: string, ended: Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an X server on a display number that is free. */
export async function startDisplay(): Promise<Display> {
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const [number] = (await once(server.stdio[3] as Readable, 'data')) as [Buffer];
  const name = `:${String(number).trim()}`;
  const find = ['search', '--onlyvisible', '--name'];
  const env = { ...process.env, DISPLAY: name };
  return {
    name,
    async close(title, ended) {
      let isOver = false;
      const over = ended.finally(() => {
        isOver = true;
      });
      while (!isOver) {
        // xdotool fails if there is no such window yet, or if the window has closed.
        const { stdout } = await run('xdotool', [...find, title], { env }).catch(() => ({ stdout: '' }));
        for (const window of stdout.split('\n').filter(Boolean)) await closeWindow(name, Number(window));
        await Promise.race([over, sleep(POLL_MS)]);
      }
    },
    async stop() {
      const exited = once(server, 'exit');
      server.kill();
      await exited;
    },
  };
}

/** Sends WM_DELETE_WINDOW to a window, by three requests of the X protocol. */
async function closeWindow(display: string, window: number): Promise<void> {
  const socket = createConnection(`/tmp/.X11-unix/X${display.slice(1)}`);
  socket.write(Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
  const setup = await take(socket, 8);
  await take(socket, 4 * setup.readUInt16LE(6));
  const atom = async (text: string): Promise<number> => {
    const request = Buffer.alloc(8 + Math.ceil(text.length / 4) * 4);
    request.writeUInt8(16);
    request.writeUInt16LE(request.length / 4, 2);
    request.writeUInt16LE(text.length, 4);
    request.write(text, 8);
    socket.write(request);
    return (await take(socket, 32)).readUInt32LE(8);
  };
  const values = [window, 0, 0x2021, window, await atom('WM_PROTOCOLS'), await atom('WM_DELETE_WINDOW')];
  const send = Buffer.alloc(44);
  send.writeUInt8(25);
  send.writeUInt16LE(send.length / 4, 2);
  for (const [i, value] of values.entries()) send.writeUInt32LE(value, 4 + 4 * i);
  socket.end(send);
  await once(socket.resume(), 'close');
}

/** Reads that many bytes of a response. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes !== null) return bytes;
    await once(socket, 'readable');
  }
}

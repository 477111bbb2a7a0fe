/** Unix sockets that show whether a process lives. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** The system accepts paths of 103 (macOS) or 107 bytes. */
const MAX_PATH_BYTES = 100;

/**
 * Runs `use` with a path of the socket that is short enough: through a handle of its folder if
 * necessary.
 */
export async function inFolder<T>(folder: string, name: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, name);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return await use(path);
  const handle = await open(folder);
  try {
    return await use(`/proc/self/fd/${handle.fd}/${name}`);
  } finally {
    await handle.close();
  }
}

/**
 * Listens at the path, without keeping the process alive. Resolves to a function that closes the
 * socket.
 */
export async function listen(path: string): Promise<() => void> {
  // Loaded by the commands that use it.
  const { createServer } = await import('node:net');
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    // Exclusive: in a worker of a cluster the primary process would listen in its place, and
    // outlive it.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      // Even a connection that could not be accepted shows that the process lives.
      server.on('error', () => undefined);
      server.unref();
      resolve(() => void server.close());
    });
  });
}

/**
 * Resolves to whether a process listens at the path; `unknown` if there is no socket, or it cannot
 * be checked.
 */
export async function listens(path: string): Promise<'yes' | 'no' | 'unknown'> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (answer: 'yes' | 'no' | 'unknown'): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => end('yes'));
    // EAGAIN: more connections are waiting than the listener accepts.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'ECONNREFUSED' ? 'no' : code === 'EAGAIN' ? 'yes' : 'unknown'));
  });
}

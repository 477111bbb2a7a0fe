/** Unix sockets that show whether a process lives. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of a path. The system accepts 103 (macOS) or 107. */
const MAX_PATH_BYTES = 100;

/**
 * Runs `use` with a short path of the socket. If the real path is too long, a handle of its folder
 * replaces the folder.
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
  // Only commands that listen load node:net.
  const { createServer } = await import('node:net');
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    // Exclusive: in a worker of a cluster, the primary process would listen instead and outlive the
    // worker.
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
 * Resolves to whether a process listens at the path. Resolves to `unknown` if there is no socket,
 * or if it cannot be checked.
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

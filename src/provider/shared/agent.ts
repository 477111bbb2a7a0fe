/**
 * Connections to a bucket's endpoint, with a minimum rate. An idle timeout alone never ends a
 * response that arrives one byte at a time, in its head or its body.
 */
import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { MAX_CONNECTIONS, MIN_BYTES_PER_SECOND } from '../../base/limits.js';

export interface ConnectionLimits {
  /**
   * Milliseconds of one window. A connection in use is closed if it moves too few bytes within one
   * window.
   */
  windowMs: number;
  /** Maximum connections in use at once. Further requests wait. */
  maxSockets?: number | undefined;
}

/**
 * Returns a pool of connections for http or https addresses. Each connection has the minimum rate
 * while it is in use.
 */
export function poolOf(protocol: string, { windowMs, maxSockets = MAX_CONNECTIONS }: ConnectionLimits): Agent {
  const agent = new (protocol === 'https:' ? SecureAgent : Agent)({ keepAlive: true, maxSockets, timeout: windowMs });
  const stops = new WeakMap<Duplex, () => void>();
  const start = (socket: Duplex): void => {
    stops.get(socket)?.();
    if (socket instanceof Socket) stops.set(socket, watch(socket, windowMs));
  };
  const { createConnection, keepSocketAlive, reuseSocket } = agent;
  agent.createConnection = (options, callback) => {
    const socket = createConnection.call(agent, options, callback);
    if (socket) start(socket);
    return socket;
  };
  agent.keepSocketAlive = (socket) => {
    stops.get(socket)?.();
    return keepSocketAlive.call(agent, socket);
  };
  agent.reuseSocket = (socket, request) => {
    start(socket);
    reuseSocket.call(agent, socket, request);
  };
  return agent;
}

/**
 * Destroys `socket` after a window in which it moved too few bytes. Returns the function that ends
 * the watch.
 */
function watch(socket: Socket, windowMs: number): () => void {
  const least = Math.ceil((MIN_BYTES_PER_SECOND * windowMs) / 1000);
  const moved = (): number => socket.bytesRead + socket.bytesWritten;
  let before = moved();
  const stop = (): void => {
    clearInterval(timer);
    socket.off('close', stop);
    before = Number.NEGATIVE_INFINITY;
  };
  const look = (): void => {
    if (moved() - before < least) socket.destroy(new Error(`fewer than ${least} bytes were moved in ${windowMs} ms`));
    before = moved();
  };
  // A process that was busy or suspended for the whole window reads pending data before `look`
  // judges the rate.
  const timer = setInterval(() => setImmediate(look), windowMs);
  socket.once('close', stop);
  return stop;
}

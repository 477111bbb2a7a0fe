/**
 * Responses that a client gets instead of those of the store: from a proxy, a captive portal, a
 * broken or a hostile server.
 */
import type { ServerResponse } from 'node:http';

export interface WrongAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /**
   * The end of the response. `cut` closes the connection before the announced end. `on` sends bytes
   * without end as fast as they are read, and an object sends a few at a time.
   */
  tail?: 'cut' | 'on' | { everyMs: number; bytes: number };
}

export interface Replaced {
  answer: WrongAnswer;
  /** True if the request took effect before. */
  applied: boolean;
}

export const HTML = '<!DOCTYPE html>\n<html><head><title>Log in</title></head><body><p>Log in to this network</p></body></html>';

/** Sends that response. Without `tail`, the response is whole and has its length. */
export function replace(response: ServerResponse, { status, headers = {}, body = '', tail }: WrongAnswer): void {
  const bytes = Buffer.from(body);
  const length = tail === undefined ? bytes.length : tail === 'cut' ? bytes.length + 1000 : undefined;
  response.writeHead(status, { ...(length === undefined ? {} : { 'content-length': length }), ...headers });
  if (tail === undefined) response.end(bytes);
  else if (tail === 'cut') response.write(bytes, () => response.destroy());
  else if (tail === 'on') endless(response);
  else drip(response, tail, Number(headers['content-length'] ?? Number.POSITIVE_INFINITY));
}

function drip(response: ServerResponse, { everyMs, bytes }: { everyMs: number; bytes: number }, length: number): void {
  response.flushHeaders();
  let left = length;
  const timer = setInterval(() => {
    if (left > 0) response.write('x'.repeat(Math.min(left, bytes)));
    left -= bytes;
  }, everyMs);
  response.on('close', () => clearInterval(timer));
}

const PART = Buffer.alloc(64 * 1024, 'x');

/** Writes as fast as the client reads, until the client disconnects. */
function endless(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(PART));
  };
  response.on('drain', more);
  more();
}

/** Bodies that come with a status instead of the store's own document. */
export const bodies: Record<string, Omit<WrongAnswer, 'status'>> = {
  'a page of HTML': { headers: { 'content-type': 'text/html' }, body: HTML },
  nothing: {},
  'a part of something': { headers: { 'content-type': 'application/xml' }, body: '<?xml version="1.0"?><Error><Code>Acce', tail: 'cut' },
};

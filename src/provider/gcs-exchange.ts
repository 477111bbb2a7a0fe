/**
 * One HTTP request and its whole answer, once: nothing is sent again, followed or decoded here. The transport of the Cloud Storage SDK
 * (version 7) will not do: it takes no AbortSignal, waits for ever where a connection is cut within a body, and a download that ends early
 * destroys the connections of all other requests of the process.
 */
import { type Agent, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { bodyOf } from './body.js';

export interface Question {
  method: 'GET' | 'POST' | 'DELETE';
  url: URL;
  headers: Record<string, string>;
  body?: Uint8Array;
}

export interface Answer {
  status: number;
  /** The object's generation, where the answer is an object's bytes. */
  generation: string | undefined;
  /** The caller's own. */
  body: Uint8Array;
}

export interface ExchangeOptions {
  agent: Agent;
  /** Milliseconds in which no byte moves before it is given up. */
  timeoutMs: number;
  /** Bytes that the answer may have; what has more is INTEGRITY. */
  limit: number;
  /** Where the body of the answer goes if it fits. */
  into?: Uint8Array | undefined;
  signal: AbortSignal | undefined;
}

/** Throws what Node throws where there is no answer, or not all of it. */
export async function exchange(question: Question, { agent, timeoutMs, limit, into, signal }: ExchangeOptions): Promise<Answer> {
  const { method, url, headers, body } = question;
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return await new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': String(body.length) };
    const outgoing = request(url, { method, headers: { ...headers, ...length }, agent, timeout: timeoutMs, ...(signal ? { signal } : {}) });
    outgoing.on('error', reject);
    outgoing.on('timeout', () => {
      reject(new Error(`nothing happened for ${timeoutMs} ms`));
      outgoing.destroy();
    });
    outgoing.on('response', (incoming) => {
      const generation = incoming.headers['x-goog-generation'];
      const { statusCode: status = 0 } = incoming;
      const told = incoming.headers['content-length'];
      // An answer without a body may tell the length of one.
      const expected = told !== undefined && status < 300 ? Number(told) : undefined;
      bodyOf(incoming, { what: 'an answer', expected, limit, into }).then(
        (bytes) => resolve({ status, generation: generation?.toString(), body: bytes }),
        reject,
      );
    });
    outgoing.end(body);
  });
}

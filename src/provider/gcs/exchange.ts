/**
 * One HTTP request and its whole response, sent once. Nothing is resent, followed or decoded here.
 * The transport of the Cloud Storage SDK (version 7) is not suitable. It accepts no AbortSignal,
 * and waits forever if a connection is cut within a body. A download that ends early destroys the
 * connections of all other requests of the process.
 */
import { type Agent, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { MAX_REFUSAL_SIZE } from '../../base/limits.js';
import { announcedLength, bodyOf } from '../shared/body.js';

export interface Question {
  method: 'GET' | 'POST' | 'DELETE';
  url: URL;
  headers: Record<string, string>;
  body?: Uint8Array;
}

export interface Answer {
  status: number;
  /** Generation of the object, if the response has an object's bytes. */
  generation: string | undefined;
  /** The object range of the response, from its header. */
  contentRange: string | undefined;
  /** The response body. The caller owns it. */
  body: Uint8Array;
}

export interface ExchangeOptions {
  agent: Agent;
  /** Milliseconds without a moved byte after which the request ends. */
  timeoutMs: number;
  /** Maximum bytes of a successful response. */
  limit: number;
  /** Receives the response body if it fits. */
  into?: Uint8Array | undefined;
  signal: AbortSignal | undefined;
}

/**
 * Sends a request and returns its complete response. Throws Node's error if there is no complete
 * response, and the errors of `bodyOf`.
 */
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
      const { statusCode: status = 0, headers: told } = incoming;
      const isSuccess = status < 300;
      // A response without a body may announce a length.
      const expected = isSuccess ? announcedLength(told['content-length']) : undefined;
      bodyOf(incoming, { what: 'the answer', expected, limit: isSuccess ? limit : MAX_REFUSAL_SIZE, into }).then(
        (bytes) => resolve({ status, generation: told['x-goog-generation']?.toString(), contentRange: told['content-range'], body: bytes }),
        reject,
      );
    });
    outgoing.end(body);
  });
}

/**
 * A store in the form of a bucket, served over loopback HTTP to a reader. A test can alter the
 * responses.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { localProvider } from '../../../src/index.js';
import type { Provider } from '../../../src/provider/provider.js';
import { encodeCell } from '../../../src/provider/s3/cell.js';
import type * as Entry from '../../../src/reader/reader.js';
import { replace, type WrongAnswer } from '../faults/http-answers.js';
import { fakeHost } from '../host.js';

/** The package's own file, in the form that pages load. */
export const bundle = new URL('../../../lib/reader.js', import.meta.url);
export const { openReader, BrowserStateError } = (await import(bundle.href)) as typeof Entry;

/** Asserts that `action` rejects with an error of the package's file, and returns the error. */
export async function rejected(
  t: ExecutionContext,
  action: Promise<unknown>,
  code: Entry.ErrorCode,
  message?: string,
): Promise<Entry.BrowserStateError> {
  return (await t.throwsAsync(action, { instanceOf: BrowserStateError, code }, message)) as Entry.BrowserStateError;
}

export const v1 = fileURLToPath(new URL('../../../../test/format/fixtures/v1/', import.meta.url));

/** The form of cells in a bucket. S3 has marks before the value; Cloud Storage does not. */
export type Cells = 's3' | 'gcs';

function cellBytes(value: Uint8Array, cells: Cells): Uint8Array {
  return cells === 'gcs' ? value : encodeCell(['0102030405060708'], value);
}

/**
 * Returns everything below the prefix of a provider, by the names of a bucket below a user's
 * folder.
 */
export async function namesOf(provider: Provider, cells: Cells, prefix = ''): Promise<Map<string, Uint8Array>> {
  const names = new Map<string, Uint8Array>();
  for await (const { key, size } of provider.list(prefix)) {
    const name = prefix === '' ? `default/.store/${key}` : key;
    if (size !== undefined) names.set(name, await provider.get(key));
    else {
      const cell = await provider.read(key);
      if (cell !== undefined && cell !== 'unchanged') names.set(`${name}~`, cellBytes(cell.bytes, cells));
    }
  }
  return names;
}

/** Returns the content of the frozen repository. */
export const frozen = (cells: Cells = 's3'): Promise<Map<string, Uint8Array>> =>
  namesOf(localProvider(join(v1, 'store'), fakeHost('reader')), cells);

export interface PlaceOptions {
  /** Answers ranges with the whole object. */
  ignoresRanges?: boolean;
  /** Allows pages of any origin to read. Exposes only the usual headers to them. */
  cors?: boolean;
  /** Returns a response that replaces the proper one, or undefined for the proper one. */
  answer?: (name: string, request: IncomingMessage) => WrongAnswer | undefined;
}

export interface Place {
  url: string;
  names: Map<string, Uint8Array>;
  /** The names that were requested so far, in order. */
  requests: string[];
}

export async function serve(t: ExecutionContext, names: Map<string, Uint8Array>, options: PlaceOptions = {}): Promise<Place> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://localhost').pathname);
    const name = path.replace(/^\/team\//, '');
    if (options.cors) {
      response.setHeader('access-control-allow-origin', '*').setHeader('access-control-allow-headers', '*');
      if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    }
    requests.push(name);
    const wrong = options.answer?.(name, request);
    if (wrong === undefined) send(names.get(name), request, response, options.ignoresRanges ?? false);
    else replace(response, wrong);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/team`, names, requests };
}

function send(bytes: Uint8Array | undefined, request: IncomingMessage, response: ServerResponse, ignoresRanges: boolean): void {
  response.setHeader('content-type', 'application/octet-stream');
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (bytes === undefined) response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not found</html>');
  else if (first === undefined || ignoresRanges) response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  else if (Number(first) >= bytes.length) response.writeHead(416).end();
  else {
    const part = bytes.subarray(Number(first), Number(last) + 1);
    const shown = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
    response.writeHead(206, { 'content-range': shown, 'content-length': part.length }).end(part);
  }
}

/**
 * Remote URLs as users write them (docs/providers.md): `file:///path`, `s3://bucket/prefix?…`,
 * `gs://bucket/prefix?…`. Any unknown part of a URL is an error, so that a misspelled parameter
 * does not silently choose another remote. The modules of the clouds are loaded only for a URL that
 * names them.
 */
import { statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BrowserStateError, isAnyError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import type { Owners } from '../base/owners.js';
import { hasErrno } from './local/errors.js';
import { localProvider } from './local/local.js';
import type { Provider } from './provider.js';

const FORMS = 'file:///path, s3://bucket/prefix?region=R&endpoint=URL&pathStyle=true or gs://bucket/prefix?projectId=P&endpoint=URL';

/**
 * Opens the provider at `url` without a request. Throws USAGE for an invalid URL, and for one with
 * credentials.
 */
export async function openProviderUrl(url: string, host: Pick<Host, 'random'>, owners?: Owners): Promise<Provider> {
  const parsed = parse(url);
  switch (parsed.protocol) {
    case 'file:':
      return localProvider(folderOf(parsed), host, { owners });
    case 's3:': {
      const { region, endpoint, pathStyle } = parametersOf(parsed, ['region', 'endpoint', 'pathStyle']);
      const { s3Provider } = await import('./s3/s3.js');
      return s3Provider({ ...placeOf(parsed), region, endpoint: checkEndpoint(endpoint), pathStyle: flag('pathStyle', pathStyle) }, host);
    }
    case 'gs:': {
      const { projectId, endpoint } = parametersOf(parsed, ['projectId', 'endpoint']);
      const { gcsProvider } = await import('./gcs/gcs.js');
      return gcsProvider({ ...placeOf(parsed), projectId, endpoint: checkEndpoint(endpoint) });
    }
    default:
      throw usage(`found ${parsed.protocol}//`);
  }
}

function parse(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // A URL is not shown before it is known to have no credentials.
  if (parsed === undefined && /^[./~]/.test(url))
    throw usage('found a path', `Write the whole path of the folder: ${pathToFileURL(url).href}`);
  if (parsed === undefined) throw usage('found something else');
  if (parsed.username !== '' || parsed.password !== '') throw usage('found one with credentials in it', CREDENTIALS);
  if (/^file:(?!\/)/i.test(url))
    throw usage('found a path that does not begin with a slash', 'Write the whole path of the folder: file:///path.');
  if (parsed.hash !== '') throw usage(`found one with ${parsed.hash} at its end`);
  return parsed;
}

const CREDENTIALS = "Credentials come from each SDK's own chain: environment, profile or role.";

function folderOf(url: URL): string {
  if (url.host !== '') throw usage(`found the host ${url.host} in it`, 'A folder of this machine has three slashes: file:///path.');
  parametersOf(url, []);
  const folder = decoded(url.pathname, () => fileURLToPath(url));
  if (isTaken(folder)) throw usage(`found a file in the place of the folder ${folder}`);
  return folder;
}

/**
 * Returns true if a path, or a path above it, is something other than a folder. Returns false for
 * an unreadable path: the first request decides then.
 */
function isTaken(folder: string): boolean {
  try {
    return !statSync(folder).isDirectory();
  } catch (error) {
    return hasErrno(error, 'ENOTDIR');
  }
}

/**
 * Runs `decode` on a path of a URL. Throws USAGE if its percent-encoding is not valid in a path.
 */
function decoded(path: string, decode: () => string): string {
  try {
    const text = decode();
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!isAnyError(error) || !['URIError', 'TypeError'].includes(error.name)) throw error;
  }
  throw usage(`found the path ${path}, which cannot be decoded`, 'Write a percent sign as %25.');
}

function placeOf(url: URL): { bucket: string; prefix: string } {
  if (url.port !== '' || url.host === '') throw usage(`found no bucket in ${url.protocol}//${url.host}${url.pathname}`);
  return { bucket: url.host, prefix: decoded(url.pathname, () => decodeURIComponent(url.pathname)).replace(/^\/|\/$/g, '') };
}

/**
 * Returns the parameters by name. Throws USAGE for a parameter that is not in `known`, is repeated
 * or is empty.
 */
function parametersOf<Name extends string>(url: URL, known: readonly Name[]): Partial<Record<Name, string>> {
  const found: Partial<Record<string, string>> = {};
  for (const [name, value] of url.searchParams) {
    if (!known.includes(name as Name)) throw usage(`found the parameter ${name}`, `Known are: ${known.join(', ') || 'none'}.`);
    if (found[name] !== undefined || value === '') throw usage(`found the parameter ${name} twice, or without a value`);
    found[name] = value;
  }
  return found as Partial<Record<Name, string>>;
}

function flag(name: string, value: string | undefined): boolean {
  if (value !== undefined && value !== 'true' && value !== 'false') throw usage(`found ${name}=${value}`, `${name} is true or false.`);
  return value === 'true';
}

function checkEndpoint(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw usage('found an endpoint that is no http or https address');
  if (url.username !== '' || url.password !== '') throw usage('found an endpoint with credentials in it', CREDENTIALS);
  return endpoint;
}

function usage(found: string, hint?: string): BrowserStateError {
  return new BrowserStateError('USAGE', `expected the address of a remote, ${found}`, { hint: hint ?? `Write ${FORMS}.` });
}

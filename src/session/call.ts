/** Operations on sessions, with their replicas. */
import { BrowserStateError } from '../base/errors.js';
import { type Operation, operationOf, requestOptions } from '../base/operation.js';
import { kind, type OptionNames } from '../base/option-check.js';
import type { RequestOptions } from '../base/request.js';
import type { LocalReplica } from './replica/local.js';
import type { RemoteReplica } from './replica/remote.js';

export interface OfflineOptions extends RequestOptions {
  /** Use local data only; do not contact the remote. */
  offline?: boolean | undefined;
}

export const offlineOptions: OptionNames<OfflineOptions> = { ...requestOptions, offline: kind.flag };

/** An operation on the local store, and on the remote unless it is offline. */
export interface Call extends Operation {
  local: LocalReplica;
  remote: RemoteReplica | undefined;
}

export interface RemoteCall extends Call {
  remote: RemoteReplica;
}

export function hasRemote(op: Call): op is RemoteCall {
  return op.remote !== undefined;
}

/** Throws USAGE if there is no remote. */
export function requireRemote(op: Call): RemoteCall {
  if (hasRemote(op)) return op;
  throw new BrowserStateError('USAGE', 'expected a remote, found none', {
    hint: 'Name one with --remote URL or BROWSERSTATE_REMOTE; in a program, with the option `remote`.',
  });
}

export function callOf<T extends object>(
  store: Call,
  call: string,
  given: T | undefined,
  names: OptionNames<NoInfer<T>>,
  texts: object = {},
): Call {
  const op = operationOf(store, call, given, names, texts);
  const { offline }: OfflineOptions = given ?? {};
  return offline ? { ...op, remote: undefined } : op;
}

/**
 * Part of a provider as a provider of its own, so that many repositories share one bucket or folder
 * (SPEC.md "Places").
 */
import { checkKey, checkPrefix } from '../key.js';
import type { Foreign, Listed, Provider, RequestOptions } from '../provider.js';

/**
 * Returns the keys of `provider` below `prefix` as a provider, with the prefix removed. `prefix` is
 * one or more components, with or without a slash at the end. Throws USAGE for an invalid prefix,
 * and for a key that is too long with the prefix. Closing the result closes `provider`.
 */
export function scoped(provider: Provider, prefix: string): Provider {
  checkKey(prefix.replace(/\/$/, ''));
  const at = prefix.endsWith('/') ? prefix : `${prefix}/`;
  const whole = (key: string): string => {
    checkKey(key);
    return at + key;
  };
  const view: Provider = {
    url: provider.url.endsWith('/') ? provider.url + at : `${provider.url}/${at}`,
    supports: provider.supports,
    get etagStyle() {
      return provider.etagStyle;
    },
    put: async (key, bytes, options) => await provider.put(whole(key), bytes, options),
    get: async (key, options) => await provider.get(whole(key), options),
    read: async (key, options) => await provider.read(whole(key), options),
    swap: async (key, bytes, expected, options) => await provider.swap(whole(key), bytes, expected, options),
    delete: async (key, options) => await provider.delete(whole(key), options),
    close: async () => await provider.close(),
    async *list(below, options): AsyncIterable<Listed> {
      checkPrefix(below);
      for await (const { key, size } of provider.list(at + below, options)) yield { key: key.slice(at.length), size };
    },
  };
  const check = provider.check?.bind(provider);
  if (check !== undefined) view.check = (options) => checkBelow(check, at, options);
  const expecting = provider.expecting?.bind(provider);
  if (expecting !== undefined) view.expecting = (expected) => scoped(expecting({ ...expected, key: whole(expected.key) }), prefix);
  const probe = provider.probe?.bind(provider);
  if (probe !== undefined) view.probe = probe;
  const temporaryBytes = provider.temporaryBytes?.bind(provider);
  if (temporaryBytes !== undefined) view.temporaryBytes = temporaryBytes;
  if (provider.foreign !== undefined) view.foreign = foreignBelow(provider.foreign, at);
  return view;
}

async function* checkBelow(
  check: NonNullable<Provider['check']>,
  at: string,
  options: RequestOptions | undefined,
): AsyncIterable<{ key: string; message: string }> {
  for await (const { key, message } of check(options)) {
    if (key.startsWith(at)) yield { key: key.slice(at.length), message };
  }
}

function foreignBelow(foreign: Foreign, at: string): Foreign {
  return {
    async *list(prefix, options) {
      for await (const object of foreign.list(at + prefix, options)) yield { ...object, name: object.name.slice(at.length) };
    },
    get: async (name, range, options) => await foreign.get(at + name, range, options),
  };
}

/** The content of a provider as a value, to alter and to put into another provider. */
import { memoryProvider, type Provider } from '../../src/index.js';

export type Content = Map<string, { bytes: Uint8Array; isCell: boolean }>;

export async function contentOf(provider: Provider): Promise<Content> {
  const content: Content = new Map();
  for await (const { key, size } of provider.list('')) {
    const cell = size === undefined ? await provider.read(key) : undefined;
    const bytes = cell === undefined || cell === 'unchanged' ? await provider.get(key) : cell.bytes;
    content.set(key, { bytes, isCell: size === undefined });
  }
  return content;
}

/** Returns a memory provider with that content. */
export async function providerOf(content: Content): Promise<Provider> {
  const provider = memoryProvider();
  for (const [key, { bytes, isCell }] of content) await (isCell ? provider.swap(key, bytes, null) : provider.put(key, bytes));
  return provider;
}

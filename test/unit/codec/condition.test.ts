/**
 * The choice of `#platform`: the native platform on Node, unless the condition selects the portable
 * one.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { objectId } from '../../../src/format/object-id.js';
import { platforms } from '../../support/codec/codecs.js';

const script = `
  const { preferredCodec } = await import('#platform');
  const { objectId } = await import(${JSON.stringify(new URL('../../../src/format/object-id.js', import.meta.url).href)});
  console.log(preferredCodec, objectId('blob', Uint8Array.of(1)));
`;

async function run(...options: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...options, '--input-type=module', '--eval', script]);
  return stdout.trim();
}

test('Node gets node:crypto and node:zlib', async (t) => {
  t.is(await run(), `${platforms.node.preferredCodec} ${objectId('blob', Uint8Array.of(1))}`);
});

test('--conditions=browserstate-portable gets the portable platform, with the same ids', async (t) => {
  t.is(await run('--conditions=browserstate-portable'), `deflate ${objectId('blob', Uint8Array.of(1))}`);
});

/** The addresses of remotes: valid addresses with their providers, and rejected addresses. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { utf8 } from '../../../src/base/bytes.js';
import { openProviderUrl } from '../../../src/provider/url.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { temporary } from '../../support/temporary.js';

test('a folder', async (t) => {
  const folder = join(temporary(t), 'a folder');
  const provider = await openProviderUrl(pathToFileURL(folder).href, fakeHost());
  await provider.put('packs/a', utf8('one'));
  t.is(provider.url, pathToFileURL(folder).href);
  t.deepEqual(await (await openProviderUrl(pathToFileURL(folder).href, fakeHost('other'))).get('packs/a'), utf8('one'));
});

test('a bucket, with and without a prefix', async (t) => {
  const urls = ['s3://bucket', 's3://bucket/', 's3://bucket/a/b', 's3://bucket/a/b/?region=eu-central-1&pathStyle=true'];
  const opened = await Promise.all(urls.map(async (url) => (await openProviderUrl(url, fakeHost())).url));
  t.deepEqual(opened, ['s3://bucket', 's3://bucket', 's3://bucket/a/b/', 's3://bucket/a/b/']);
});

const refused: Record<string, string> = {
  'no URL': 'bucket/prefix',
  'nothing at all': '',
  'another scheme': 'https://example.org/bucket',
  'a relative path': 'file:folder',
  'a relative path with a dot': 'file:./folder',
  'a relative path in place of the host': 'file://./folder',
  'a path of percent signs': 'file:///folder%2Fpart',
  'a path with a byte that none can have': 'file:///folder%00',
  'a file in place of the folder': import.meta.url,
  'a prefix of percent signs': 's3://bucket/100%zz',
  'a folder on another host': 'file://example.org/folder',
  'a parameter for a folder': 'file:///folder?region=eu-central-1',
  'no bucket': 's3:///prefix',
  'a port': 's3://bucket:9000/prefix',
  credentials: 's3://key:secret-word@bucket/prefix',
  'a key alone': 's3://secret-word@bucket/prefix',
  'credentials in the endpoint': 's3://bucket?endpoint=http://key:secret-word@localhost:9000',
  'a fragment': 's3://bucket/prefix#part',
  'an unknown parameter': 's3://bucket?regoin=eu-central-1',
  'a parameter twice': 's3://bucket?region=a&region=b',
  'a parameter without a value': 's3://bucket?region=',
  'a flag that is none': 's3://bucket?pathStyle=yes',
  'an endpoint that is no address': 's3://bucket?endpoint=localhost:9000',
  'a prefix that no key can have': 's3://bucket/a//b',
  'a prefix with a space': 's3://bucket/a%20b',
  'a bucket of one letter': 's3://b/prefix',
};

for (const [what, url] of Object.entries(refused)) {
  test(`rejected: ${what}`, async (t) => {
    const error = await rejects(t, () => openProviderUrl(url, fakeHost()), 'USAGE');
    t.notRegex(error.message + error.hint, /secret-word/);
  });
}

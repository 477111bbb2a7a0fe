/** The bodies of config and GC epoch (SPEC.md 8.1, 8.2). */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { Writer } from '../../../src/base/bytes.js';
import { type Condemned, checkConfig, decodeEpoch, encodeConfig, encodeEpoch } from '../../../src/format/cells.js';
import { epoch as anyEpoch } from '../../support/arbitraries.js';
import { isCanonical, refuses, refusesTruncations } from '../../support/errors.js';
import { hex } from '../../support/hex.js';
import { holds } from '../../support/property.js';

const dead = (folder: Condemned['folder'], epoch: number, digit: string): Condemned => ({
  folder,
  name: { epoch, name: digit.repeat(32) },
});
const some = {
  k: 300,
  condemned: [dead('manifests', 2, 'a'), dead('packs', 1, 'b'), dead('packs', 1, 'c'), dead('packs', 10, '0'), dead('segments', 0, '0')],
};

test('section 8.1: the config of a plain repository has no key slots', (t) => {
  t.is(hex(encodeConfig()), '0000');
  t.notThrows(() => checkConfig(encodeConfig()));
  refusesTruncations(t, encodeConfig(), checkConfig);
});

test('section 13: a config with key slots is of an encrypted repository', (t) => {
  refuses(t, () => checkConfig(new Writer().uint(1).bytes(new Uint8Array(60)).finish()), 'UNSUPPORTED');
});

test('R-ENC-4: a config may have even extensions, and no odd ones', (t) => {
  t.notThrows(() => checkConfig(Uint8Array.of(0, 1, 2, 1, 9)));
  refuses(t, () => checkConfig(Uint8Array.of(0, 1, 1, 1, 9)), 'NEWER_VERSION');
});

test('section 8.2: every epoch is read as it was written', async (t) => {
  const law = fc.property(anyEpoch, (epoch) => {
    assert.deepStrictEqual(decodeEpoch(encodeEpoch(epoch)), epoch);
  });
  await holds(t, law);
});

test('R-ENC-3: no beginning of an epoch is one, and an altered one is rejected or another', (t) => {
  refusesTruncations(t, encodeEpoch(some), decodeEpoch);
  const withoutExtensions = (bytes: Uint8Array): ReturnType<typeof decodeEpoch> => {
    const epoch = decodeEpoch(bytes);
    // A reader ignores extensions of an epoch and does not keep them.
    return bytes.at(-1) === 0 ? epoch : some;
  };
  isCanonical(
    t,
    encodeEpoch(some).slice(0, -1),
    (bytes) => withoutExtensions(Uint8Array.of(...bytes, 0)),
    (epoch) => encodeEpoch(epoch).slice(0, -1),
  );
});

const bad: Record<string, Uint8Array> = {
  'section 8.2: an epoch of zero': encodeEpoch({ k: 0, condemned: [] }),
  'section 8.2: names out of order': encodeEpoch({ k: 1, condemned: [dead('packs', 1, 'b'), dead('packs', 1, 'a')] }),
  'section 8.2: one name twice': encodeEpoch({ k: 1, condemned: [dead('packs', 1, 'b'), dead('packs', 1, 'b')] }),
  'section 8.2: kinds out of order': encodeEpoch({ k: 1, condemned: [dead('packs', 1, 'b'), dead('manifests', 1, 'c')] }),
  'section 8.2: an unknown kind': new Writer().uint(1).uint(1).byte(0x52).uint(1).bytes(new Uint8Array(16)).uint(0).finish(),
  'section 8.2: 131,073 names': encodeEpoch({ k: 1, condemned: Array.from({ length: 131_073 }, (_, i) => dead('packs', i, 'a')) }),
  'R-LIMIT: a huge number of names': new Writer().uint(1).uint(Number.MAX_SAFE_INTEGER).finish(),
  'R-LIMIT: absent names': new Writer().uint(1).uint(4096).finish(),
};
for (const [rule, bytes] of Object.entries(bad)) test(`${rule} is rejected`, (t) => void refuses(t, () => decodeEpoch(bytes)));

test('section 8.2: 4,096 names are accepted', (t) => {
  const condemned = Array.from({ length: 4096 }, (_, i) => dead('packs', i, 'a'));
  t.is(decodeEpoch(encodeEpoch({ k: 1, condemned })).condemned.length, 4096);
});

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { defaultLimits, type ImageLimits } from '../../../service/images/manifest.ts';
import { scanLayers } from '../../../service/images/scan.ts';
import { TarEntries, type TarEntry } from '../../../service/images/tar-entries.ts';
import { digestOf, type LayerData, makeLayer, makeTar, type TarMember } from '../../harness/oci-image.ts';

const readEntries = (tar: Buffer, pieces: number): TarEntry[] => {
  const entries: TarEntry[] = [];
  const reader = new TarEntries((entry) => entries.push(entry));
  for (let at = 0; at < tar.length; at += pieces) reader.write(tar.subarray(at, at + pieces));
  reader.end();
  return entries;
};

describe('entries of an archive', () => {
  const members: TarMember[] = [
    { name: 'usr/', type: '5' },
    { name: 'usr/a', content: 'x'.repeat(700) },
    { name: 'short', attributes: { path: `${'long/'.repeat(60)}é`, mtime: '1.5' }, content: 'y' },
    { name: 'link', type: '2', link: '/etc/passwd' },
    { name: 'dev', type: '3' },
  ];

  for (const pieces of [1, 511, 512, 4_096, 1_000_000]) {
    test(`are the same in pieces of ${pieces} bytes`, () => {
      const entries = readEntries(makeTar(members), pieces);
      assert.deepEqual(
        entries.map(({ type, name, size }) => [type, name.toString(), size]),
        [
          ['folder', 'usr/', 0],
          ['file', 'usr/a', 700],
          ['file', `${'long/'.repeat(60)}é`, 1],
          ['symlink', 'link', 0],
          ['device', 'dev', 0],
        ],
      );
      assert.equal(entries[3]?.link.toString(), '/etc/passwd');
    });
  }

  for (const [what, tar, why] of [
    ['that breaks off', makeTar(members).subarray(0, 900), /breaks off/],
    ['with a damaged header', Buffer.from(makeTar(members)).fill(7, 0, 3), /damaged/],
    ['of an unknown type', makeTar([{ name: 'a', type: 'Q' }]), /unknown type "Q"/],
    ['with a sparse file', makeTar([{ name: 'a', type: 'S' }]), /sparse/],
    [
      'with a sparse file by attribute',
      makeTar([{ name: 'a', attributes: { 'GNU.sparse.major': '1' } }]),
      /sparse/,
    ],
    [
      'with attributes of 2 MiB',
      makeTar([{ name: 'a', type: 'x', size: 2 * 1024 ** 2 }]),
      /attributes of 2097152/,
    ],
  ] as const) {
    test(`an archive ${what} is refused`, () => assert.throws(() => readEntries(tar, 512), why));
  }
});

describe('the scan of layers', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-scan-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const scan = (layers: readonly LayerData[], limits: Partial<ImageLimits> = {}) =>
    scanLayers(
      layers.map((layer, index) => {
        const path = join(folder, `layer-${index}`);
        writeFileSync(path, layer.data);
        const compression = layer.mediaType.endsWith('gzip')
          ? 'gzip'
          : layer.mediaType.endsWith('zstd')
            ? 'zstd'
            : 'none';
        return { path, digest: digestOf(layer.data), diffId: digestOf(layer.tar), compression };
      }),
      { ...defaultLimits, ...limits },
      () => {},
    );

  test('counts over all layers, whatever they are packed with', async () => {
    const layers = (['none', 'gzip', 'zstd'] as const).map((kind) =>
      makeLayer([{ name: 'a', content: 'abc' }], kind),
    );
    assert.deepEqual(await scan(layers), { bytes: 3 * 2_048, entries: 3, largestFile: 3 });
  });

  for (const [what, member, why] of [
    ['a name with ..', { name: 'usr/../../etc/x' }, /leaves its folder/],
    ['a long name', { name: 'a', attributes: { path: 'n'.repeat(256) } }, /name of 256 bytes/],
    ['a long path', { name: 'a', attributes: { path: 'abc/'.repeat(1_000) } }, /path of 4000 bytes/],
    ['a NUL in a name', { name: 'a', attributes: { path: 'a\0b' } }, /NUL/],
    ['an empty name', { name: '' }, /without a name/],
  ] as const) {
    test(`refuses ${what}`, () => assert.rejects(scan([makeLayer([member])]), why));
  }

  test('refuses more files than allowed', () =>
    assert.rejects(
      scan([makeLayer([{ name: 'a' }, { name: 'b' }]), makeLayer([{ name: 'c' }])], { files: 2 }),
      /more than the 2 files/,
    ));

  test('believes a header that claims too much, without reading what follows', () =>
    assert.rejects(
      scan([makeLayer([{ name: 'a', size: 2 ** 33 - 1 }])], { bytes: 1024 ** 2 }),
      /more than the 1048576 bytes/,
    ));

  test('stops a bomb of zeros that no header announces', () =>
    assert.rejects(
      scan([makeLayer(Buffer.concat([makeTar([{ name: 'a' }]), Buffer.alloc(8 * 1024 ** 2)]))], {
        bytes: 1024 ** 2,
      }),
      /more than the 1048576 bytes/,
    ));

  test('writes an archive out for a tool that cannot unpack it', async () => {
    const layer = makeLayer([{ name: 'a', content: 'abc' }], 'zstd');
    const path = join(folder, 'packed');
    const plain = join(folder, 'plain');
    writeFileSync(path, layer.data);
    const order = {
      path,
      plain,
      digest: digestOf(layer.data),
      diffId: digestOf(layer.tar),
      compression: 'zstd',
    } as const;
    await scanLayers([order], defaultLimits, () => {});
    assert.deepEqual(readFileSync(plain), layer.tar);
  });

  test('compares both digests', async () => {
    const layer = makeLayer([{ name: 'a', content: 'abc' }]);
    const path = join(folder, 'other');
    writeFileSync(path, layer.data);
    const right = {
      path,
      digest: digestOf(layer.data),
      diffId: digestOf(layer.tar),
      compression: 'gzip',
    } as const;
    const wrong = digestOf(Buffer.from('wrong'));
    await assert.rejects(
      scanLayers([{ ...right, digest: wrong }], defaultLimits, () => {}),
      /the layer is not what/,
    );
    await assert.rejects(
      scanLayers([{ ...right, diffId: wrong }], defaultLimits, () => {}),
      /the unpacked layer is not/,
    );
    writeFileSync(path, layer.data.subarray(0, 40));
    await assert.rejects(
      scanLayers([right], defaultLimits, () => {}),
      /cannot be decompressed/,
    );
  });
});

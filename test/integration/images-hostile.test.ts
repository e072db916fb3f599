import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { storeLayout } from '../../service/images/layout.ts';
import { openImageStore, type StoreOptions } from '../../service/images/store.ts';
import { verifyImage } from '../../service/images/verify.ts';
import { missingTools } from '../harness/image-registry.ts';
import {
  digestOf,
  type ImageParts,
  makeLayer,
  makeTar,
  wrapInList,
  writeLayout,
} from '../harness/oci-image.ts';

const missing = await missingTools('skopeo', 'umoci', 'bwrap', 'flock');

describe('images that mean harm', { skip: missing }, () => {
  let folder = '';
  let count = 0;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-hostile-'));
    writeFileSync(join(folder, 'victim'), 'untouched');
  });
  after(() => {
    assert.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'untouched');
    assert.deepEqual(readdirSync(storeLayout(join(folder, 'store')).work), [], 'work is left behind');
    rmSync(folder, { recursive: true });
  });

  const open = (limits: StoreOptions['limits'] = {}) =>
    openImageStore(join(folder, 'store'), { env: process.env, limits });
  const lay = (parts: ImageParts): string => {
    const layout = join(folder, `layout-${count++}`);
    writeLayout(layout, parts);
    return layout;
  };
  const pull = async (parts: ImageParts, limits: StoreOptions['limits'] = {}) =>
    (await open(limits).pull(`oci:${lay(parts)}:latest`)).image;

  test('links out of the root stay links, and what is written through them stays inside', async () => {
    const image = await pull({
      layers: [
        makeLayer([
          { name: 'absolute', type: '2', link: join(folder, 'victim') },
          { name: 'out', type: '2', link: folder },
          { name: 'etc', type: '2', link: folder },
          { name: 'work', type: '2', link: folder },
        ]),
        makeLayer([
          { name: 'out/victim', content: 'overwritten' },
          { name: 'a', content: 'inside' },
          { name: 'hard', type: '1', link: '../../../../../../a' },
        ]),
      ],
    });
    assert.equal(readlinkSync(join(image.root, 'absolute')), join(folder, 'victim'));
    assert.equal(readFileSync(join(folder, 'victim'), 'utf8'), 'untouched');
    assert.equal(readFileSync(join(image.root, 'hard'), 'utf8'), 'inside');
    assert.ok(lstatSync(join(image.root, 'work')).isDirectory());
    assert.ok(lstatSync(join(image.root, 'etc')).isDirectory());
    assert.match(readFileSync(join(image.root, 'etc/passwd'), 'utf8'), /^runner:x:1000/m);
    assert.ok(!existsSync(join(folder, 'passwd')));
    assert.deepEqual(await verifyImage(image, () => {}), []);
  });

  test('a hard link to a file of the host does not reach it', async () => {
    const parts = { layers: [makeLayer([{ name: 'hard', type: '1', link: join(folder, 'victim') }])] };
    await assert.rejects(pull(parts), /cannot be unpacked/);
  });

  test('devices, FIFOs and rights are taken away', async () => {
    const image = await pull({
      layers: [
        makeLayer([
          { name: 'disk', type: '4' },
          { name: 'null', type: '3' },
          { name: 'fifo', type: '6' },
          { name: 'closed/', type: '5', mode: 0o000 },
          { name: 'open/', type: '5', mode: 0o1777 },
          { name: 'closed/secret', mode: 0o000, content: 's' },
          { name: 'su', mode: 0o6755, content: '#!/bin/sh\n' },
          { name: 'writable', mode: 0o666, content: 'w' },
          {
            name: 'able',
            mode: 0o755,
            content: 'c',
            attributes: {
              'SCHILY.xattr.security.capability':
                '\u0001\u0000\u0000\u0002\u0000\u0000\u0000\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000',
            },
          },
        ]),
      ],
    });
    const modeOf = (name: string) => (lstatSync(join(image.root, name)).mode & 0o7777).toString(8);
    for (const name of ['disk', 'null', 'fifo']) {
      const stat = lstatSync(join(image.root, name), { throwIfNoEntry: false });
      assert.ok(stat === undefined || (stat.isFile() && stat.size === 0), `${name} is still there`);
    }
    assert.deepEqual(['su', 'writable', 'closed/secret', 'closed', 'open', 'able'].map(modeOf), [
      '755',
      '644',
      '644',
      '755',
      '755',
      '755',
    ]);
  });

  test('a thousand layers are refused before any is fetched', async () => {
    const layer = makeLayer([{ name: 'a' }]);
    await assert.rejects(
      pull({ layers: Array.from({ length: 1_000 }, () => layer) }),
      /1000 layers; 512 are allowed/,
    );
  });

  test('a bomb of zeros is refused', async () => {
    const bomb = makeLayer([{ name: 'zeros', content: Buffer.alloc(64 * 1024 ** 2) }]);
    await assert.rejects(pull({ layers: [bomb] }, { bytes: 16 * 1024 ** 2 }), /more than the 16777216 bytes/);
  });

  test('wrong digests are refused', async () => {
    const layer = makeLayer([{ name: 'a', content: 'abc' }]);
    await assert.rejects(
      pull({ layers: [layer], diffIds: [digestOf(Buffer.from('other'))] }),
      /not what its digest says/,
    );
    const layout = lay({ layers: [layer] });
    writeFileSync(
      join(layout, 'blobs/sha256', digestOf(layer.data).slice(7)),
      makeLayer([{ name: 'b' }]).data,
    );
    await assert.rejects(open().pull(`oci:${layout}:latest`), /digest/i);
  });

  test('names that leave the root, unknown layers and other machines are refused', async () => {
    await assert.rejects(pull({ layers: [makeLayer([{ name: '../victim' }])] }), /leaves its folder/);
    const strange = { ...makeLayer([{ name: 'a' }]), mediaType: 'application/x-strange' };
    await assert.rejects(pull({ layers: [strange] }), /"application\/x-strange", which is not known/);
    await assert.rejects(
      pull({ layers: [makeLayer([{ name: 'a' }])], architecture: 's390x' }),
      /it is for linux\/s390x/,
    );
    const layout = join(folder, `layout-${count++}`);
    const digest = writeLayout(layout, { layers: [makeLayer([{ name: 'a' }])] });
    const { size } = lstatSync(join(layout, 'blobs/sha256', digest.slice(7)));
    wrapInList(layout, digest, size, 's390x');
    await assert.rejects(open().pull(`oci:${layout}:latest`), /there is linux\/s390x/);
  });

  test('layers of every kind are unpacked, and later ones hide earlier ones', async () => {
    const image = await pull({
      layers: [
        makeLayer(
          [
            { name: 'gone', content: 'g' },
            { name: 'kept', content: 'k', mtime: 1_600_000_000 },
          ],
          'zstd',
        ),
        makeLayer([{ name: '.wh.gone' }], 'none'),
        makeLayer(makeTar([{ name: 'new', content: 'n' }]), 'gzip'),
      ],
    });
    assert.ok(!existsSync(join(image.root, 'gone')));
    assert.equal(lstatSync(join(image.root, 'kept')).mtimeMs, 1_600_000_000_000);
    assert.equal(readFileSync(join(image.root, 'new'), 'utf8'), 'n');
    assert.equal(image.env.COLOUR, 'blue');
  });
});

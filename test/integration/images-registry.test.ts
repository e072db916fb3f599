import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ImageStore, openImageStore } from '../../service/images/store.ts';
import { type ImageRegistry, missingTools, startProxy, startRegistry } from '../harness/image-registry.ts';
import { architecture, digestOf, makeLayer, wrapInList, writeLayout } from '../harness/oci-image.ts';
import { waitFor } from '../harness/wait-for.ts';

const missing = await missingTools('docker-registry', 'skopeo', 'umoci', 'bwrap', 'flock');

describe('images from a registry', { skip: missing }, () => {
  let folder = '';
  let registry: ImageRegistry;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-pull-'));
    registry = await startRegistry();
  });
  after(async () => {
    await registry.stop();
    rmSync(folder, { recursive: true });
  });

  const open = (name: string, env: Record<string, string> = {}): ImageStore =>
    openImageStore(join(folder, name), { env: { ...process.env, ...env } });
  /** @returns the digest of an image with these layers, which is in the registry then */
  const publish = async (name: string, ...layers: ReturnType<typeof makeLayer>[]): Promise<string> => {
    const layout = join(folder, `layout-${name}`);
    const digest = writeLayout(layout, { layers });
    await registry.push(layout, `${name}:1`);
    return digest;
  };
  const small = makeLayer([{ name: 'small', content: 'small' }]);

  test('an image is pulled by digest, and at once when it is there', async () => {
    const digest = await publish('simple', small);
    const store = open('simple');
    const first = await store.pull(`${registry.host}/simple@${digest}`, { name: 'simple' });
    assert.equal(first.unchanged, false);
    assert.equal(first.image.digest, digest);
    const started = performance.now();
    const again = await store.pull(`${registry.host}/simple@${digest}`, { name: 'simple' });
    const byTag = await store.pull(`${registry.host}/simple:1`, { name: 'other' });
    assert.ok(performance.now() - started <= 1_000, 'an unchanged image takes more than a second');
    assert.deepEqual([again.unchanged, byTag.unchanged], [true, true]);
    assert.equal(byTag.pin, `${registry.host}/simple@${digest}`);
    assert.deepEqual(store.find(digest)?.names, ['other', 'simple']);
  });

  test('of a list the image for this machine is taken, and the list is what is pinned', async () => {
    const layout = join(folder, 'layout-list');
    const digest = writeLayout(layout, { layers: [small] });
    const { length } = readFileSync(join(layout, 'blobs/sha256', digest.slice(7)));
    const list = wrapInList(layout, digest, length, architecture);
    await registry.push(layout, 'list:1');
    const store = open('list');
    const { image, pin } = await store.pull(`${registry.host}/list:1`);
    assert.equal(image.digest, digest);
    assert.equal(pin, `${registry.host}/list@${list}`);
    assert.equal(store.find(list)?.digest, digest);
    assert.equal((await store.pull(`${registry.host}/list@${list}`)).unchanged, true);
  });

  test('a layer that is not what its digest says is refused, and nothing is to be seen', async () => {
    const layer = makeLayer([{ name: 'tampered', content: 'right' }]);
    const digest = await publish('tampered', layer);
    const other = makeLayer([{ name: 'tampered', content: 'wrong' }]).data;
    assert.equal(other.length, layer.data.length);
    writeFileSync(registry.blobFile(digestOf(layer.data)), other);
    const store = open('tampered');
    await assert.rejects(store.pull(`${registry.host}/tampered@${digest}`, { name: 'tampered' }), {
      code: 'digest-mismatch',
    });
    assert.deepEqual([store.list(), store.find('tampered')], [[], undefined]);
  });

  test('what there is not, and who does not answer, are told apart', async () => {
    const nothing = `sha256:${'0'.repeat(64)}`;
    await assert.rejects(open('none').pull(`${registry.host}/none@${nothing}`), { code: 'not-found' });
    await assert.rejects(open('none').pull(`127.0.0.1:1/none@${nothing}`), { code: 'unreachable' });
  });

  test('credentials come from the auth file', async () => {
    const closed = await startRegistry({ auth: true });
    try {
      const layout = join(folder, 'layout-closed');
      const digest = writeLayout(layout, { layers: [small] });
      await closed.push(layout, 'closed:1', 'tester:secret');
      const reference = `${closed.host}/closed@${digest}`;
      const authFile = (password: string): Record<string, string> => {
        const file = join(folder, `auth-${password}.json`);
        const auth = Buffer.from(`tester:${password}`).toString('base64');
        writeFileSync(file, JSON.stringify({ auths: { [closed.host]: { auth } } }));
        return { REGISTRY_AUTH_FILE: file };
      };
      await assert.rejects(open('closed').pull(reference), { code: 'unauthorized' });
      await assert.rejects(open('closed', authFile('wrong')).pull(reference), { code: 'unauthorized' });
      assert.equal((await open('closed', authFile('secret')).pull(reference)).image.digest, digest);
    } finally {
      await closed.stop();
    }
  });

  test('after a broken connection what was complete is not fetched again', async () => {
    const bytes = Buffer.from(Array.from({ length: 4 * 1024 ** 2 }, (_, n) => (n * 2_654_435_761) >>> 13));
    const large = makeLayer([{ name: 'large', content: bytes }], 'none');
    const digest = await publish('broken', small, large);
    const proxy = await startProxy(registry.host);
    try {
      const store = open('broken');
      const [smallDigest, largeDigest] = [digestOf(small.data), digestOf(large.data)];
      const kept = join(store.folder, 'blobs/sha256', smallDigest.slice(7));
      const when = () => waitFor(() => existsSync(kept), { what: 'the small layer' });
      proxy.cut = { digest: largeDigest, when };
      const reference = `${proxy.host}/broken@${digest}`;
      await assert.rejects(store.pull(reference, { name: 'broken' }), { code: 'unreachable' });
      assert.deepEqual([store.list(), store.find('broken')], [[], undefined]);
      proxy.cut = undefined;
      proxy.asked.length = 0;
      assert.equal((await store.pull(reference, { name: 'broken' })).image.digest, digest);
      assert.ok(proxy.asked.includes(largeDigest));
      assert.ok(!proxy.asked.includes(smallDigest), 'the small layer was fetched again');
      assert.ok(!existsSync(kept), 'downloads are left behind');
    } finally {
      await proxy.stop();
    }
  });

  test('a mirror of registries.conf is used', async () => {
    const digest = await publish('mirrored', small);
    const conf = join(folder, 'registries.conf');
    writeFileSync(
      conf,
      `[[registry]]\nprefix = "registry.invalid"\nlocation = "registry.invalid"\n[[registry.mirror]]\nlocation = "${registry.host}"\ninsecure = true\n`,
    );
    const { image } = await open('mirrored', { CONTAINERS_REGISTRIES_CONF: conf }).pull(
      `registry.invalid/mirrored@${digest}`,
    );
    assert.equal(image.digest, digest);
  });
});

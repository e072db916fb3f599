import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { storeLayout } from '../../service/images/layout.ts';
import { pruneStore } from '../../service/images/prune.ts';
import { type ImageStore, openImageStore } from '../../service/images/store.ts';
import { verifyImage } from '../../service/images/verify.ts';
import { missingTools } from '../harness/image-registry.ts';
import { makeLayer, writeLayout } from '../harness/oci-image.ts';
import { listProcesses } from '../harness/processes.ts';
import { waitFor } from '../harness/wait-for.ts';

const missing = await missingTools('skopeo', 'umoci', 'bwrap', 'flock');
const command = join(import.meta.dirname, '../../service/bin/paddock.ts');

describe('the store of images', { skip: missing }, () => {
  let folder = '';
  let store: ImageStore;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-store-'));
    store = openImageStore(join(folder, 'store'), { env: process.env });
  });
  after(() => rmSync(folder, { recursive: true }));

  const shared = makeLayer([{ name: 'usr/shared', content: 'the same in both'.repeat(1_000) }]);
  const lay = (name: string, content: string): string => {
    writeLayout(join(folder, name), { layers: [shared, makeLayer([{ name: 'own', content }])] });
    return `oci:${join(folder, name)}:latest`;
  };
  const paddock = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [command, 'images', ...args, '--store', store.folder], { stdio: 'ignore' });
  const ended = (child: ChildProcess) =>
    new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const prune = () =>
    pruneStore(storeLayout(store.folder), { keepUnnamedMs: 0, now: new Date(Date.now() + 1_000) });

  test('keeps equal files once', async () => {
    const { image: one } = await store.pull(lay('one', '1'), { name: 'one' });
    const { image: two } = await store.pull(lay('two', '2'), { name: 'two' });
    const inode = (root: string, name: string) => lstatSync(join(root, name)).ino;
    assert.equal(inode(one.root, 'usr/shared'), inode(two.root, 'usr/shared'));
    assert.equal(inode(one.root, 'etc/passwd'), inode(two.root, 'etc/passwd'));
    assert.notEqual(inode(one.root, 'own'), inode(two.root, 'own'));
    assert.deepEqual(store.find('one')?.names, ['one']);
    assert.equal(store.find(two.digest)?.root, two.root);
    assert.equal(store.find('three'), undefined);
  });

  test('a store where there can be no folders is an error at once', () => {
    for (const place of ['/proc/store', '/sys/store', '/etc/passwd/store']) {
      const { status, stderr } = spawnSync(
        process.execPath,
        [command, 'images', 'pull', `own=${lay('own', 'o')}`, '--store', place],
        { encoding: 'utf8', timeout: 30_000, killSignal: 'SIGKILL' },
      );
      assert.equal(status, 1, place);
      assert.match(stderr, /^paddock: files cannot be read or written: [A-Z]+: .*store/, place);
    }
  });

  test('nothing is removed from a folder that is no store', async () => {
    const other = join(folder, 'other');
    mkdirSync(join(other, 'tmp/precious'), { recursive: true });
    writeFileSync(join(other, 'tmp/precious/thesis'), 'mine');
    const options = { keepUnnamedMs: 0, now: new Date() };
    await assert.rejects(pruneStore(storeLayout(other), options), /no store of images/);
    await assert.rejects(
      openImageStore(other, { env: process.env }).pull(lay('o', 'o')),
      /no store of images/,
    );
    await assert.rejects(openImageStore(other).hold([]), /no store of images/);
    assert.deepEqual(readdirSync(other, { recursive: true }), ['tmp', 'tmp/precious', 'tmp/precious/thesis']);
    // In a store it is not the store's own either.
    mkdirSync(join(store.folder, 'tmp/precious'), { recursive: true });
    await prune();
    assert.ok(existsSync(join(store.folder, 'tmp/precious')));
    rmSync(join(store.folder, 'tmp/precious'), { recursive: true });
  });

  test('an image whose record or list is damaged is told, taken out and brought anew', async () => {
    const source = lay('hurt', 'h');
    const { image } = await store.pull(source, { name: 'hurt' });
    const entry = dirname(image.root);
    const isWell = () => store.find('hurt')?.damaged === undefined && existsSync(join(image.root, 'own'));
    const verified = (...flags: string[]) =>
      spawnSync(process.execPath, [command, 'images', 'verify', 'hurt', ...flags, '--store', store.folder], {
        encoding: 'utf8',
      });
    for (const hurt of [
      () => writeFileSync(join(entry, 'image.json'), 'x'),
      () => rmSync(join(entry, 'tree.gz')),
      () => writeFileSync(join(entry, 'tree.gz'), 'x'),
    ]) {
      hurt();
      assert.equal(store.list().length > 0, true);
      const told = verified('--remove');
      assert.deepEqual([told.status, told.stdout.includes('damaged')], [1, true], told.stdout + told.stderr);
      assert.match(told.stderr, /is removed: pull it again/);
      assert.equal((await store.pull(source, { name: 'hurt' })).unchanged, false);
      assert.ok(isWell());
      assert.equal(verified().status, 0);
    }
    // Without it too: what is there in its place is not in the way.
    writeFileSync(join(entry, 'image.json'), 'x');
    assert.equal((await store.pull(source, { name: 'hurt' })).unchanged, false);
    assert.ok(isWell());
    rmSync(join(entry, 'image.json'));
    await prune();
    assert.equal(existsSync(entry), false);
    assert.equal((await store.pull(source, { name: 'hurt' })).unchanged, false);
    assert.ok(isWell());
    mkdirSync(join(store.folder, 'names/folder'));
    assert.equal(store.find('folder'), undefined);
    rmSync(join(store.folder, 'names/folder'), { recursive: true });
  });

  test('prune takes what nobody names or holds, and no file of another image', async () => {
    const { image } = await store.pull(lay('gone', 'g'));
    const lease = await store.hold([image.digest]);
    assert.deepEqual(
      (await prune()).inUse.map((one) => one.digest),
      [image.digest],
    );
    assert.ok(existsSync(join(image.root, 'own')));
    lease.release();
    const pruned = await prune();
    assert.deepEqual(
      pruned.removed.map((one) => one.digest),
      [image.digest],
    );
    assert.ok(pruned.bytesFreed > 0);
    assert.equal(store.find(image.digest), undefined);
    for (const one of store.list()) assert.deepEqual(await verifyImage(one, () => {}), []);
  });

  test('a lease ends with its process', async () => {
    const { image } = await store.pull(lay('leased', 'l'));
    const code = `const { openImageStore } = await import(${JSON.stringify(join(import.meta.dirname, '../../service/images/store.ts'))});
      await openImageStore(process.argv[1]).hold([process.argv[2]]); process.stdout.write('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', code, store.folder, image.digest], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = ended(holder);
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    assert.equal((await prune()).inUse.length, 1);
    holder.kill('SIGKILL');
    await gone;
    assert.equal((await prune()).removed.length, 1);
    assert.deepEqual(readdirSync(storeLayout(store.folder).leases), []);
  });

  test('two at once bring one image, and both succeed', async () => {
    const reference = lay('both', 'b');
    const results = await Promise.all(
      ['left', 'right'].map((name) => ended(paddock('pull', `${name}=${reference}`))),
    );
    assert.deepEqual(results, [0, 0]);
    assert.deepEqual(store.find('left')?.names, ['left', 'right']);
    assert.deepEqual(readdirSync(storeLayout(store.folder).work), []);
  });

  test('who is killed in the middle leaves nothing to see, and the next clears up', async () => {
    const many = Array.from({ length: 5_000 }, (_, n) => ({ name: `f${n}`, content: `${n}` }));
    writeLayout(join(folder, 'large'), { layers: [makeLayer(many)] });
    const reference = `oci:${join(folder, 'large')}:latest`;
    const { work } = storeLayout(store.folder);
    const before = store.list().length;
    const child = paddock('pull', `large=${reference}`);
    const gone = ended(child);
    await waitFor(
      () =>
        existsSync(work) && readdirSync(work).some((name) => existsSync(join(work, name, 'entry/root/f10'))),
      { what: 'the unpacking to begin', everyMs: 2 },
    );
    child.kill('SIGKILL');
    await gone;
    assert.equal(store.list().length, before);
    assert.equal(store.find('large'), undefined);
    const isOurs = ({ command: line }: { command: string }) => line.includes(store.folder);
    await waitFor(() => !listProcesses().some(isOurs), { what: 'the unpacking to end with who began it' });
    const { image } = await store.pull(reference, { name: 'large' });
    assert.equal(image.files, 5_000 + 6);
    assert.deepEqual(readdirSync(work), []);
  });

  test('verify finds what was changed, and a removed image is brought anew', async () => {
    const { image } = await store.pull(lay('hurt', 'h'.repeat(100)), { name: 'hurt' });
    truncateSync(join(image.root, 'own'), 50);
    chmodSync(join(image.root, 'etc/hosts'), 0o666);
    rmSync(join(image.root, 'usr/shared'));
    const differences = (await verifyImage(image, () => {})).map(({ path, what }) => `${path} ${what}`);
    chmodSync(join(image.root, 'etc/hosts'), 0o644);
    assert.deepEqual(differences, [
      'etc/hosts has the mode 0666, had 0644',
      'own has 50 bytes, had 100',
      'usr/shared is missing',
    ]);
    assert.equal(await ended(paddock('verify', 'hurt')), 1);
    assert.equal(await ended(paddock('verify', 'hurt', '--remove')), 1);
    const { image: anew } = await store.pull(lay('hurt', 'h'.repeat(100)), { name: 'hurt' });
    assert.deepEqual(await verifyImage(anew, () => {}), []);
    assert.equal(await ended(paddock('verify')), 0);
  });
});

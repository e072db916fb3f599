import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { readPins } from '../../service/images/pins.ts';
import { type ImageRegistry, missingTools, startRegistry } from '../harness/image-registry.ts';

const run = promisify(execFile);
const missing =
  (await missingTools('buildah', 'docker-registry', 'skopeo', 'umoci', 'bwrap', 'flock')) ||
  (process.getuid?.() !== 0 && 'buildah without root needs subordinate ids');
const command = join(import.meta.dirname, '../../service/bin/paddock.ts');
const name = `test-${process.pid}`;

describe('building images', { skip: missing }, () => {
  let folder = '';
  let registry: ImageRegistry;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-build-'));
    registry = await startRegistry();
  });
  after(async () => {
    await registry.stop();
    await run('buildah', ['rmi', '--force', `localhost/paddock/${name}`]).catch(() => {});
    rmSync(folder, { recursive: true });
  });

  test('builds, pushes and pins, and what was pushed is known here', async () => {
    mkdirSync(join(folder, 'images', name), { recursive: true });
    writeFileSync(join(folder, 'images', name, 'hello'), 'hello');
    writeFileSync(
      join(folder, 'images', name, 'Containerfile'),
      `ARG BASE=none.invalid/a\nFROM \${BASE}\nCOPY ${name}/hello /hello\nENV GREETING=hello\n`,
    );
    const store = ['--store', join(folder, 'store')];
    const pins = join(folder, 'images.yaml');
    const from = ['--images', join(folder, 'images'), '--base', 'scratch'];
    const to = ['--push', `${registry.host}/paddock`, '--pins', pins];
    const paddock = (...args: string[]) => run(process.execPath, [command, 'images', ...args, ...store]);
    await paddock('build', ...from, ...to);
    assert.match(readPins(pins).images[name] ?? '', new RegExp(`^${registry.host}/paddock/${name}@sha256:`));
    const listed: { images: { names: string[]; root: string }[] } = JSON.parse(
      (await paddock('list', '--json')).stdout,
    );
    assert.deepEqual(
      listed.images.map((image) => image.names),
      [[name]],
    );
    assert.equal(readFileSync(join(listed.images[0]?.root ?? '', 'hello'), 'utf8'), 'hello');
    assert.match((await paddock('pull', '--pins', pins)).stdout, /unchanged/);
    // Another node gets the same files from the registry.
    const elsewhere = await run(process.execPath, [
      ...[command, 'images', 'pull', '--json', '--pins', pins, '--store', join(folder, 'elsewhere')],
    ]);
    const { images }: { images: { root: string }[] } = JSON.parse(elsewhere.stdout);
    assert.equal(readFileSync(join(images[0]?.root ?? '', 'hello'), 'utf8'), 'hello');
  });

  test('says what is missing', async () => {
    const wrong = run(process.execPath, [command, 'images', 'build', 'nothing', '--images', folder]);
    await assert.rejects(wrong, { code: 2, stderr: /no Containerfile for nothing/ });
    const without = run(process.execPath, [command, 'images', 'pull', 'a=registry.invalid/a:1'], {
      env: { PATH: '/nonexistent', HOME: folder, PADDOCK_IMAGE_STORE: join(folder, 'none') },
    });
    await assert.rejects(without, { code: 1, stderr: /is missing: apt-get install/ });
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { stringify } from 'yaml';
import { loadManifests } from '../../../../service/executor/runtimes/load.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { written } from './manifest.ts';

const put = (folder: string, name: string, text: string): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
};

describe('loading manifests', () => {
  test('finds every folder with one, sorted, defaults filled in', (context) => {
    const images = temporaryFolder(context);
    put(images, 'zig/runtime.yaml', stringify(written({ name: 'zig' })));
    put(images, 'ada/runtime.yaml', stringify(written({ name: 'ada' })));
    put(images, 'no-manifest/Containerfile', '');
    put(images, 'README.md', '');
    mkdirSync(join(images, 'odd/runtime.yaml'), { recursive: true });
    const loaded = loadManifests(images);
    assert.deepEqual(
      loaded.map(({ manifest, folder }) => [manifest.name, folder]),
      [
        ['ada', `${images}/ada`],
        ['zig', `${images}/zig`],
      ],
    );
    assert.deepEqual([loaded[0]?.manifest.aliases, loaded[0]?.manifest.mounts], [[], []]);
  });

  test('lists all faults of all manifests', (context) => {
    const images = temporaryFolder(context);
    put(images, 'good/runtime.yaml', stringify(written()));
    put(images, 'one/runtime.yaml', stringify({ ...written({ name: 'Bad Name' }), colour: 'red', run: {} }));
    put(images, 'two/runtime.yaml', 'a: [1');
    put(images, 'three/runtime.yaml', '');
    assert.throws(
      () => loadManifests(images),
      ({ message }: Error) => {
        const lines = message.split('\n').map((line) => line.trim());
        for (const start of ['one/runtime.yaml: name:', 'one/runtime.yaml: colour: unknown field']) {
          assert.ok(
            lines.some((line) => line.startsWith(`${images}/${start}`)),
            `${start} in ${message}`,
          );
        }
        assert.match(message, /one\/runtime\.yaml: run\.command:/);
        assert.match(message, /two\/runtime\.yaml: /);
        assert.match(message, /three\/runtime\.yaml: /);
        assert.doesNotMatch(message, /good/);
        return true;
      },
    );
  });

  test('has a digest that changes with what the preparation could see, not with the samples', (context) => {
    const images = temporaryFolder(context);
    const digest = (): string | undefined => loadManifests(images)[0]?.digest;
    put(images, 'lang/runtime.yaml', stringify(written()));
    put(images, 'lang/warm/start.l', 'x');
    const before = digest();
    put(images, 'lang/samples/hello.l', 'print');
    assert.equal(digest(), before);
    put(images, 'lang/warm/samples/deep', 'not the folder of samples');
    const deeper = digest();
    assert.notEqual(deeper, before);
    put(images, 'lang/warm/start.l', 'y');
    const changed = digest();
    assert.notEqual(changed, deeper);
    renameSync(join(images, 'lang/warm/start.l'), join(images, 'lang/warm/go.l'));
    assert.notEqual(digest(), changed);
  });

  test('reads the manifests of this project', () => {
    const folder = join(import.meta.dirname, '../../../../images');
    assert.ok(loadManifests(folder).length >= 10);
  });
});

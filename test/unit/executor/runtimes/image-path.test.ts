import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inImage } from '../../../../service/executor/runtimes/image-path.ts';
import { temporaryFolder } from '../temporary-folder.ts';

describe('a path in an image', () => {
  test('leads through links as if the image were the root', (context) => {
    const folder = temporaryFolder(context);
    const root = join(folder, 'root');
    mkdirSync(join(root, 'usr/lib/jvm/bin'), { recursive: true });
    mkdirSync(join(root, 'etc/alternatives'), { recursive: true });
    writeFileSync(join(root, 'usr/lib/jvm/bin/java'), '');
    symlinkSync('usr/bin', join(root, 'bin'));
    mkdirSync(join(root, 'usr/bin'));
    symlinkSync('/etc/alternatives/java', join(root, 'usr/bin/java'));
    symlinkSync('../../usr/lib/jvm/bin/java', join(root, 'etc/alternatives/java'));
    const found = inImage(root, '/bin/java');
    assert.equal(found?.path, '/usr/lib/jvm/bin/java');
    assert.ok(found.stats.isFile());
    assert.equal(inImage(root, '/')?.stats.isDirectory(), true);
  });

  test('never leads out of it, whatever its links say', (context) => {
    const folder = temporaryFolder(context);
    const root = join(folder, 'root');
    mkdirSync(root);
    writeFileSync(join(folder, 'secret'), 'secret');
    symlinkSync('../secret', join(root, 'up'));
    symlinkSync('../../../../../../etc/passwd', join(root, 'passwd'));
    symlinkSync(join(folder, 'secret'), join(root, 'absolute'));
    symlinkSync('..', join(root, 'parent'));
    for (const path of [
      '/up',
      '/passwd',
      '/absolute',
      '/parent/secret',
      '/../secret',
      '/parent/../../secret',
    ])
      assert.equal(inImage(root, path), undefined, path);
    writeFileSync(join(root, 'secret'), 'own');
    assert.equal(inImage(root, '/up')?.path, '/secret');
  });

  test('is nothing where links go in circles, or through a file', (context) => {
    const root = temporaryFolder(context);
    symlinkSync('b', join(root, 'a'));
    symlinkSync('a', join(root, 'b'));
    writeFileSync(join(root, 'file'), '');
    for (const path of ['/a', '/b/c', '/file/x', '/none', `/${'x'.repeat(300)}`])
      assert.equal(inImage(root, path), undefined, path);
  });
});

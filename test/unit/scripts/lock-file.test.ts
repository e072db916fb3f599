import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { completeLock } from '../../../scripts/lock-file.ts';

test('package-lock.json holds the packages of every platform (otherwise: node scripts/complete-lock.ts)', async () => {
  const path = new URL('../../../package-lock.json', import.meta.url);
  assert.deepEqual(completeLock(await readFile(path, 'utf8')).added, []);
});

test('a missing optional package is added with its platform', () => {
  const lock = {
    packages: {
      'node_modules/tool': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { '@tool/linux-arm64-musl': '1.0.0' },
      },
    },
  };
  const { text, added } = completeLock(JSON.stringify(lock));
  assert.deepEqual(added, ['@tool/linux-arm64-musl@1.0.0']);
  assert.deepEqual(JSON.parse(text).packages['node_modules/@tool/linux-arm64-musl'], {
    version: '1.0.0',
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['musl'],
    dev: true,
    optional: true,
  });
});

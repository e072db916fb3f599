import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const images = join(dirname(fileURLToPath(import.meta.url)), '../../../images');

/* A runtime's folder is all that its sandbox sees, so what two runtimes share stands in both, and must not drift. */
for (const [name, ...folders] of [
  ['ahead.cjs', 'javascript', 'typescript'],
  ['prepare.sh', 'cpp17', 'cpp20'],
  ['instantiate.cc', 'cpp17', 'cpp20'],
  ['check.cc', 'cpp17', 'cpp20'],
] as const) {
  test(`${name} is the same in ${folders.join(' and ')}`, () => {
    const [first, second] = folders.map((folder) => readFileSync(join(images, folder, name), 'utf8'));
    assert.equal(first, second);
  });
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { runtimeManifestSchema } from '../../../service/contracts/index.ts';

const images = join(dirname(fileURLToPath(import.meta.url)), '../../../images');

const flagsOf = (command: readonly string[]): string[] =>
  command.filter((part) => part.startsWith('--') && !part.startsWith('--require='));

for (const name of ['javascript', 'typescript']) {
  const { run } = runtimeManifestSchema.parse(
    parse(readFileSync(join(images, name, 'runtime.yaml'), 'utf8')),
  );

  test(`${name} starts ahead with the flags that it starts with otherwise`, () => {
    assert.ok(run.warm);
    assert.deepEqual(flagsOf(run.warm.command), flagsOf(run.command));
  });

  /* V8 refuses what was compiled under other flags, all but sizes: each start would cost 5 ms more, and nothing would tell. */
  test(`the flags of ${name} leave V8 its code cache`, () => {
    const { stderr } = spawnSync(
      process.execPath,
      [...flagsOf(run.command), '--eval', 'require("node:http")'],
      {
        env: { NODE_DEBUG_NATIVE: 'CODE_CACHE' },
        encoding: 'utf8',
      },
    );
    assert.match(stderr, /Code cache of http .* is accepted/);
    assert.doesNotMatch(stderr, /is rejected/);
  });
}

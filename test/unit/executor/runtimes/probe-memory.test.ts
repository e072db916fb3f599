import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { RuntimeManifest } from '../../../../service/contracts/index.ts';
import { probeOrRecall } from '../../../../service/executor/runtimes/probe-memory.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { manifest } from './manifest.ts';

const HOUR_MS = 3_600_000;

/** A toolchain below /usr that notes each time it is asked. */
const prepared = (context: TestContext, toolchain: Partial<RuntimeManifest['toolchain']> = {}) => {
  const folder = temporaryFolder(context);
  const asked = join(folder, 'asked');
  writeFileSync(asked, '');
  const lang = manifest({
    toolchain: {
      candidates: ['/usr/bin/sh'],
      probe: { args: ['-c', `echo x >> ${asked}; echo Lang 1.2`], pattern: 'Lang (\\S+)' },
      ...toolchain,
    },
  });
  const cacheFolder = join(folder, 'cache');
  return {
    folder,
    file: join(cacheFolder, 'toolchains/lang.json'),
    times: () => readFileSync(asked, 'utf8').split('x').length - 1,
    ask: ({ digest = 'd', now = HOUR_MS, path = '/usr/bin:/bin' } = {}) =>
      probeOrRecall(
        { manifest: lang, folder: join(folder, 'lang'), digest },
        { path, home: folder, node: process.execPath },
        cacheFolder,
        now,
      ),
  };
};
const FOUND = {
  toolchain: {
    path: '/usr/bin/sh',
    inside: '/usr/bin/sh',
    root: undefined,
    version: '1.2',
    said: 'Lang 1.2',
  },
};

describe('what a toolchain said', () => {
  test('is remembered for a day', async (context) => {
    const { ask, times } = prepared(context);
    assert.deepEqual(await ask(), FOUND);
    assert.deepEqual(await ask({ now: 25 * HOUR_MS }), FOUND);
    assert.equal(times(), 1);
    assert.deepEqual(await ask({ now: 25 * HOUR_MS + 1 }), FOUND);
    assert.equal(times(), 2);
    await ask({ now: HOUR_MS }); // the clock was set back
    assert.equal(times(), 3);
  });

  test('is asked again when its manifest has changed', async (context) => {
    const { ask, times } = prepared(context);
    await ask();
    await ask({ digest: 'e' });
    await ask({ digest: 'e' });
    assert.equal(times(), 2);
  });

  test('is asked again when another program would be found', async (context) => {
    const { ask, times } = prepared(context, { candidates: ['dash', 'sh'] });
    await ask({ path: '/usr/bin' });
    await ask({ path: '/nowhere:/usr/bin' });
    assert.equal(times(), 1);
    await ask({ path: '/usr/../usr/bin' });
    assert.equal(times(), 2);
  });

  test('is asked each time of what lies outside of /usr: its answer may depend on settings', async (context) => {
    const { folder, ask, times } = prepared(context, { candidates: ['lang', '/usr/bin/sh'] });
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/lang'), '#!/bin/sh\nexit 1', { mode: 0o755 });
    for (let time = 1; time <= 2; time++) {
      assert.deepEqual(await ask({ path: join(folder, 'bin') }), FOUND);
      assert.equal(times(), time);
    }
  });

  test('is of no use where something else is missing', async (context) => {
    const folder = temporaryFolder(context);
    const needed = join(folder, 'needed');
    mkdirSync(needed);
    const { ask, times } = prepared(context, { requires: [needed] });
    assert.deepEqual(await ask(), FOUND);
    rmSync(needed, { recursive: true });
    assert.deepEqual(await ask(), { missing: `not on this host: ${needed}` });
    assert.equal(times(), 1);
  });

  test('is asked again where what was remembered is damaged, and a cache that cannot be written harms nothing', async (context) => {
    const { file, ask, times } = prepared(context);
    await ask();
    for (const text of ['', '{', '{"key":1}']) {
      writeFileSync(file, text);
      assert.deepEqual(await ask(), FOUND);
    }
    assert.equal(times(), 4);
    const other = prepared(context);
    writeFileSync(join(other.folder, 'cache'), 'a file');
    assert.deepEqual(await other.ask(), FOUND);
  });

  test('that it is not there is never remembered', async (context) => {
    const { ask } = prepared(context, { candidates: ['/usr/bin/true'] });
    for (let time = 0; time < 2; time++)
      assert.deepEqual(await ask(), { missing: 'not on this host: none of /usr/bin/true works' });
  });
});

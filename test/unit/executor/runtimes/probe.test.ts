import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { RuntimeManifest } from '../../../../service/contracts/index.ts';
import { probe as probeIn } from '../../../../service/executor/runtimes/probe.ts';
import {
  hostSurroundings,
  NODE_INSIDE,
  type ProbeSurroundings,
} from '../../../../service/executor/runtimes/surroundings.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { manifest } from './manifest.ts';

/** A folder of shell scripts that play toolchains. */
const scripts = (context: TestContext, texts: Readonly<Record<string, string>>): string => {
  const folder = join(temporaryFolder(context), 'bin');
  mkdirSync(folder);
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
};
const probe = (wanted: RuntimeManifest, around: ProbeSurroundings) =>
  probeIn(wanted, hostSurroundings(around), 'on this host');
const around = (path: string) => ({ path, home: '/nowhere', node: process.execPath });
const lang = (toolchain: Partial<RuntimeManifest['toolchain']>, version?: string): RuntimeManifest =>
  manifest({
    version,
    toolchain: {
      candidates: ['lang'],
      probe: { args: ['--version'], pattern: 'Lang (\\d+\\.\\d+)' },
      root: { path: '..' },
      ...toolchain,
    },
  });
const found = async (...parameters: Parameters<typeof probe>) => {
  const probed = await probe(...parameters);
  assert.ok('toolchain' in probed, JSON.stringify(probed));
  return probed.toolchain;
};
const reason = async (...parameters: Parameters<typeof probe>): Promise<string> => {
  const probed = await probe(...parameters);
  assert.ok('missing' in probed, JSON.stringify(probed));
  return probed.missing;
};
const GOOD = 'echo "Lang 1.2 (made here)"; echo more';

describe('probing for a toolchain', () => {
  test('finds it on the path and tells its version and its root', async (context) => {
    const bin = scripts(context, { lang: GOOD });
    assert.deepEqual(await found(lang({}), around(`/nowhere:${bin}`)), {
      path: `${bin}/lang`,
      inside: `${bin}/lang`,
      root: join(bin, '..'),
      version: '1.2',
      said: 'Lang 1.2 (made here)',
    });
  });

  test('reads standard error too, which is where some tell it', async (context) => {
    const bin = scripts(context, { lang: 'echo "Lang 3.4" >&2' });
    assert.equal((await found(lang({}), around(bin))).version, '3.4');
  });

  test('takes the first candidate that works: absent, failing and wordless ones are passed over', async (context) => {
    const bin = scripts(context, {
      failing: 'echo "Lang 9.9"; exit 1',
      wordless: 'echo hello',
      lang: GOOD,
      later: 'echo "Lang 8.8"',
    });
    writeFileSync(join(bin, 'not-executable'), GOOD, { mode: 0o644 });
    const candidates = [
      '/no/such',
      'absent',
      'not-executable',
      'failing',
      `${bin}/wordless`,
      `${bin}/lang`,
      'later',
    ];
    assert.equal((await found(lang({ candidates }), around(bin))).path, `${bin}/lang`);
  });

  test('prefers the version that the manifest fixes', async (context) => {
    const bin = scripts(context, { lang: GOOD });
    assert.equal((await found(lang({}, '17'), around(bin))).version, '17');
  });

  test('asks for the root where the manifest says how', async (context) => {
    const bin = scripts(context, { lang: `case $1 in --version) ${GOOD};; root) echo /opt/lang;; esac` });
    assert.equal((await found(lang({ root: { args: ['root'] } }), around(bin))).root, '/opt/lang');
    const usr = scripts(context, { lang: `case $1 in --version) ${GOOD};; root) echo /usr/lib/lang;; esac` });
    const shown = await found(lang({ root: { args: ['root'] } }), around(usr));
    assert.equal(shown.root, '/usr/lib/lang');
  });

  test('refuses what lies outside /usr without a root, because it would not be there inside', async (context) => {
    const bin = scripts(context, { lang: GOOD });
    assert.match(await reason(lang({ root: undefined }), around(bin)), /none of lang works/);
  });

  test('hands its environment to nobody', async (context) => {
    const bin = scripts(context, { lang: 'echo "Lang 1.2 $PADDOCK_PROBE_SECRET-$HOME-$LANG"' });
    process.env.PADDOCK_PROBE_SECRET = 'secret';
    context.after(() => {
      delete process.env.PADDOCK_PROBE_SECRET;
    });
    assert.equal((await found(lang({}), around(bin))).said, 'Lang 1.2 -/nowhere-C.UTF-8');
  });

  test('knows {node} without a path', async () => {
    const node = lang({
      candidates: ['{node}'],
      probe: { args: ['--version'], pattern: 'v(\\d+)' },
      root: undefined,
    });
    const { inside, path, version } = await found(node, around('/nowhere'));
    assert.deepEqual(
      [inside, path, version],
      [NODE_INSIDE, process.execPath, process.version.match(/\d+/)?.[0]],
    );
  });

  test('says what is missing', async (context) => {
    const bin = scripts(context, { lang: GOOD });
    const requires = ['/', '/no/such', '/nor/this'];
    assert.equal(await reason(lang({ requires }), around(bin)), 'not on this host: /no/such, /nor/this');
    assert.equal(
      await reason(lang({ candidates: ['a', '/b'] }), around(bin)),
      'not on this host: none of a, /b works',
    );
  });
});

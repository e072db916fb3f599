import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { paddock, result, runtime, stage, startFakeService } from './fake-service.ts';

const manifest = (name: string, version = '') => `
name: ${name}
title: ${name}
extensions: [.py]
fileName: main.py
${version}
toolchain: { candidates: [/usr/bin/python3], probe: { args: [--version], pattern: '(.*)' } }
run: { command: ['{toolchain}', '{entry}'] }
`;

describe('paddock runtimes check', () => {
  let root: string;
  const put = async (path: string, content: string) => {
    await mkdir(dirname(join(root, 'images', path)), { recursive: true });
    await writeFile(join(root, 'images', path), content);
  };
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'paddock-check-'));
    await put('python/runtime.yaml', manifest('python'));
    await put('python/samples/echo/main.py', 'print(input())');
    await put('python/samples/echo/a-library.py', '');
    await put('python/samples/echo/stdin', 'hi\n');
    await put('python/samples/echo/args', 'one\ntwo words\n');
    await put('python/samples/echo/expected', 'hi\n');
    await put('python/samples/fails/main.py', 'exit(3)');
    await put('python/samples/fails/expected.json', '{"outcome": "nonzero-exit", "exitCode": 3}');
    await put('go/runtime.yaml', manifest('go', "version: '1'"));
    await put('go/samples/hello/main.go', '');
  });
  after(() => rm(root, { recursive: true, force: true }));

  const check = async (run: ReturnType<typeof stage>, ...names: string[]) => {
    const service = await startFakeService({
      '/v1/runtimes': {
        body: {
          runtimes: [
            runtime(),
            runtime({ name: 'go', version: '1', available: false, reason: 'go is not installed' }),
          ],
        },
      },
      '/v1/executions': { body: result({ run }) },
    });
    const ran = await paddock(['runtimes', 'check', ...names], { url: service.url, cwd: root });
    await service.close();
    return { ...ran, sent: service.executions };
  };

  test('sends each sample and compares exactly', async () => {
    const ran = await check(stage({ stdout: 'hi\nyou\n' }));
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /- skipped: go: go is not installed/);
    assert.match(ran.stdout, /✗ python\/echo\n.*differs from line 2[\s\S]*- ""[\s\S]*\+ "you"/);
    assert.match(ran.stdout, /✗ python\/fails\n.*expected nonzero-exit, got ok/);
    assert.match(ran.stdout, /\n0 passed, 2 failed, 1 skipped\n$/);
    const [first] = ran.sent as Record<string, unknown>[];
    assert.equal(first?.entry, 'main.py');
    assert.deepEqual([first?.stdin, first?.args], ['hi\n', ['one', 'two words']]);
  });

  test('only the runtimes named, by folder, name or alias', async () => {
    const ran = await check(stage({ stdout: 'hi\n' }), 'go');
    assert.equal(ran.code, 0);
    assert.match(ran.stdout, /0 passed, 0 failed, 1 skipped\n$/);
    const unknown = await check(stage(), 'cobol');
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /"cobol"; there are go, python/);
  });
});

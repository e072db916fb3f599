import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExecutionRequestInput, Outcome } from '../../service/contracts/execution.ts';
import { execute, run } from '../harness/client.ts';
import { useService } from '../harness/use-service.ts';

const paddock = useService();

const python = (code: string, more: Partial<ExecutionRequestInput> = {}) =>
  run(paddock.url, { runtime: 'python', code, ...more });

describe('each limit has an outcome of its own, and the output up to there is kept', () => {
  const limits: readonly (readonly [Outcome, string, ExecutionRequestInput['limits']])[] = [
    ['time-limit', 'import time\ntime.sleep(9)', { wallMs: 400 }],
    ['time-limit', 'while True: pass', { cpuMs: 200 }],
    ['memory-limit', 'x = [bytearray(1 << 20) for _ in range(4096)]', { memoryMb: 48 }],
    ['output-limit', "while True: print('x' * 100)", { outputBytes: 1_000 }],
    [
      'process-limit',
      'import os, signal\nfor _ in range(99):\n    if os.fork() == 0: signal.pause()',
      { processes: 8 },
    ],
    ['disk-limit', "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 16)); f.flush()", { scratchMb: 2 }],
    ['disk-limit', "for n in range(9999): open(f'f{n}', 'w').close()", { scratchFiles: 60 }],
    ['nonzero-exit', "import os\nfds = [os.open('/dev/null', 0) for _ in range(9999)]", { openFiles: 40 }],
    ['nonzero-exit', 'raise SystemExit(7)', {}],
    ['signal', 'import os\nos.abort()', {}],
    ['ok', 'pass', {}],
  ];
  for (const [outcome, code, asked] of limits) {
    test(`${outcome} (${Object.keys(asked ?? {}).join() || code.split('\n').at(-1)})`, async () => {
      const { run: stage } = await python(`print('begun', flush=True)\n${code}\n`, { limits: asked });
      assert.equal(stage?.outcome, outcome, stage?.stderr);
      assert.ok(stage?.stdout.startsWith('begun\n'), stage?.stdout.slice(0, 100));
      assert.ok(stage.wallMs < 6_000);
      if (!['ok', 'nonzero-exit'].includes(outcome)) assert.ok(stage.message, 'it says what was hit');
    });
  }

  test('compile time is limited by compileMs', async () => {
    const result = await run(paddock.url, {
      runtime: 'c',
      code: '#include "/dev/zero"\n',
      limits: { compileMs: 150 },
    });
    assert.ok(
      ['time-limit', 'memory-limit'].includes(result.compile?.outcome ?? ''),
      result.compile?.outcome,
    );
    assert.equal(result.run, undefined);
  });

  test('figures are plausible', async () => {
    const { run: stage } = await python('x = bytearray(40 << 20)\nfor n in range(2000000): pass\n');
    assert.ok(stage && stage.cpuMs > 10 && stage.cpuMs < 5_000, `${stage?.cpuMs} ms`);
    assert.ok(
      (stage.memoryPeakBytes ?? 0) > 40 << 20 && (stage.memoryPeakBytes ?? 0) < 128 << 20,
      `${stage.memoryPeakBytes} bytes`,
    );
  });
});

describe('tests', () => {
  test('compile once and run many, each with its own verdict', async () => {
    const started = performance.now();
    const result = await run(paddock.url, {
      runtime: 'c',
      code: `#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  int n;
  if (scanf("%d", &n) != 1) return 3;
  if (n == 99) abort();
  if (n == 98) for (;;) ;
  FILE *f = fopen("state", "r");
  printf("%d %s%s\\n", n * n, argc > 1 ? argv[1] : "-", f ? " state" : "");
  fclose(fopen("state", "w"));
}
`,
      limits: { wallMs: 1_000, cpuMs: 500 },
      tests: [
        ...Array.from({ length: 10 }, (_, n) => ({
          name: `square ${n}`,
          stdin: `${n}\n`,
          expectedStdout: `${n * n} -\n\n`,
        })),
        { name: 'wrong', stdin: '2', expectedStdout: '5 -' },
        { name: 'arguments', stdin: '3', args: ['a b'], expectedStdout: '9 a b' },
        { name: 'no input', stdin: '', expectedStdout: '' },
        { name: 'aborts', stdin: '99', expectedStdout: '' },
        { name: 'hangs', stdin: '98', expectedStdout: '' },
        { name: 'after the hanging one', stdin: '4', expectedStdout: '16 -' },
        { name: 'nothing expected', stdin: '5' },
      ],
    });
    assert.equal(result.compile?.outcome, 'ok', result.compile?.stderr);
    assert.equal(result.run, undefined);
    const tests = new Map(result.tests?.map((one) => [one.name, one]));
    assert.equal(tests.size, 17);
    // No test sees a file of another: each has a sandbox of its own.
    for (let n = 0; n < 10; n++)
      assert.equal(tests.get(`square ${n}`)?.passed, true, tests.get(`square ${n}`)?.stdout);
    assert.equal(tests.get('wrong')?.passed, false);
    assert.equal(tests.get('wrong')?.outcome, 'ok');
    assert.equal(tests.get('arguments')?.passed, true);
    assert.partialDeepStrictEqual(tests.get('no input'), {
      passed: false,
      outcome: 'nonzero-exit',
      exitCode: 3,
    });
    assert.partialDeepStrictEqual(tests.get('aborts'), {
      passed: false,
      outcome: 'signal',
      signal: 'SIGABRT',
    });
    assert.partialDeepStrictEqual(tests.get('hangs'), { passed: false, outcome: 'time-limit' });
    assert.equal(tests.get('after the hanging one')?.passed, true);
    assert.equal(tests.get('nothing expected')?.passed, null);
    assert.ok(performance.now() - started < 8_000);
  });

  test('a compilation that fails runs none of them', async () => {
    const result = await run(paddock.url, { runtime: 'c', code: 'no C', tests: [{ name: 'a' }] });
    assert.equal(result.compile?.outcome, 'nonzero-exit');
    assert.ok((result.tests ?? []).length === 0);
  });
});

describe('files, arguments, input and environment', () => {
  test('go in as they are', async () => {
    const binary = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    const { run: stage } = await run(paddock.url, {
      runtime: 'python',
      files: [
        {
          name: 'main.py',
          content:
            "import sys, os, inner.tool\nsys.stdout.buffer.write(open('data.bin', 'rb').read())\nprint(sys.argv[1:], os.environ['GREETING'], sys.stdin.read(), inner.tool.x)",
        },
        { name: 'data.bin', content: binary.toString('base64'), encoding: 'base64' },
        { name: 'inner/tool.py', content: 'x = "é"' },
      ],
      args: ['', 'a b', '$HOME', '--flag', 'ü'],
      stdin: Buffer.from('input').toString('base64'),
      stdinEncoding: 'base64',
      env: { GREETING: 'hello=world' },
    });
    assert.equal(stage?.outcome, 'ok', stage?.stderr);
    const bytes = Buffer.from(stage.stdout, stage.stdoutEncoding);
    assert.deepEqual(bytes.subarray(0, 256), binary);
    assert.equal(bytes.subarray(256).toString(), "['', 'a b', '$HOME', '--flag', 'ü'] hello=world input é\n");
  });

  test('matching output files come out, and only those', async () => {
    const result = await python(
      "import os\nos.makedirs('plots/deep')\nopen('a.txt', 'w').write('a')\nopen('b.bin', 'wb').write(bytes([255, 0]))\nopen('plots/c.svg', 'w').write('c')\nopen('plots/deep/d.svg', 'w').write('d')\nopen('hidden.log', 'w').write('no')\n",
      { outputs: ['*.txt', '*.bin', 'plots/**/*.svg'] },
    );
    assert.deepEqual(
      result.outputs.map(({ name, content, encoding, size }) => [name, content, encoding, size]).sort(),
      [
        ['a.txt', 'a', 'utf8', 1],
        ['b.bin', '/wA=', 'base64', 2],
        ['plots/c.svg', 'c', 'utf8', 1],
        ['plots/deep/d.svg', 'd', 'utf8', 1],
      ],
    );
  });

  test('output files of a program that failed come out as well', async () => {
    const result = await python("open('log.txt', 'w').write('half')\nraise SystemExit(1)\n", {
      outputs: ['log.txt'],
    });
    assert.equal(result.outputs[0]?.content, 'half');
  });

  test('metadata comes back as it went in', async () => {
    const metadata = { user: 'é', __proto__x: '1' };
    assert.deepEqual((await python('pass', { metadata })).metadata, metadata);
  });
});

test('forty at once, twice as many as there is room for, each get their own result', async () => {
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      execute(paddock.url, { runtime: 'python', code: `print(${n} * 7)`, stdin: `${n}` }),
    ),
  );
  for (const [n, answer] of answers.entries()) {
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.equal(answer.result.run?.stdout, `${n * 7}\n`);
  }
});

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ExecutionResult } from '../../../service/contracts/execution.ts';
import { type Answer, paddock, result, runtime, stage, startFakeService } from './fake-service.ts';

describe('paddock run', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-cli-'));
    await mkdir(join(folder, 'lib'));
    await writeFile(join(folder, 'main.py'), 'print(1)\n');
    await writeFile(join(folder, 'lib/util.py'), 'x = 1\n');
    await writeFile(join(folder, 'data.bin'), Buffer.from([0xff, 0x00, 0xfe]));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const run = async (args: string[], execution: Answer | ExecutionResult, stdin?: string | Buffer) => {
    const answer: Answer = 'id' in execution ? { body: execution } : execution;
    const service = await startFakeService({
      '/v1/runtimes': {
        body: {
          runtimes: [
            runtime(),
            runtime({ name: 'c++', version: '17', extensions: ['.cpp', '.C'] }),
            runtime({ name: 'c', version: '12', extensions: ['.c'] }),
            runtime({ name: 'c++', version: '20', extensions: ['.cpp'] }),
            runtime({ name: 'go', extensions: ['.go'], available: false, reason: 'go is not installed' }),
          ],
        },
      },
      '/v1/executions': answer,
    });
    try {
      const ran = await paddock(['run', ...args], {
        url: service.url,
        cwd: folder,
        ...(stdin !== undefined && { stdin }),
      });
      return { ...ran, sent: service.executions[0] as Record<string, unknown>, service };
    } finally {
      await service.close();
    }
  };

  test('passes output, standard error and exit code on', async () => {
    const ran = await run(
      ['main.py'],
      result({ run: stage({ outcome: 'nonzero-exit', exitCode: 7, stdout: 'out\n', stderr: 'err\n' }) }),
    );
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [7, 'out\n', 'err\n']);
    assert.equal(ran.sent.runtime, 'python');
    assert.deepEqual(ran.sent.files, [{ name: 'main.py', content: 'print(1)\n', encoding: 'utf8' }]);
    assert.equal('stdin' in ran.sent, false);
  });

  test('sends files, arguments, input, limits and environment', async () => {
    const ran = await run(
      'main.py lib/util.py data.bin -t 1.5s -m 1G -l processes=8 -e A=b=c --runtime-version ^3 -- --flag 3 -x'.split(
        ' ',
      ),
      result(),
      'typed\n',
    );
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(ran.sent, {
      runtime: 'python',
      version: '^3',
      files: [
        { name: 'main.py', content: 'print(1)\n', encoding: 'utf8' },
        { name: 'lib/util.py', content: 'x = 1\n', encoding: 'utf8' },
        { name: 'data.bin', content: '/wD+', encoding: 'base64' },
      ],
      stdin: 'typed\n',
      args: ['--flag', '3', '-x'],
      env: { A: 'b=c' },
      limits: { wallMs: 1_500, cpuMs: 1_500, memoryMb: 1_024, processes: 8 },
    });
  });

  test('passes bytes through unchanged', async () => {
    const ran = await run(
      ['main.py'],
      result({ run: stage({ stdout: '/wD+', stdoutEncoding: 'base64' }) }),
      Buffer.from([0x80]),
    );
    assert.deepEqual(ran.stdoutBytes, Buffer.from([0xff, 0x00, 0xfe]));
    assert.deepEqual([ran.sent.stdin, ran.sent.stdinEncoding], ['gA==', 'base64']);
  });

  test('takes the newest of several versions with the extension', async () => {
    await writeFile(join(folder, 'a.cpp'), 'int main() {}');
    const ran = await run(['a.cpp'], result());
    assert.deepEqual([ran.sent.runtime, ran.sent.version], ['c++', '20']);
  });

  test('tells .c from .C, and takes capitals otherwise as small letters', async () => {
    for (const [name, expected] of [
      ['x.c', 'c'],
      ['x.C', 'c++'],
      ['X.PY', 'python'],
    ] as const) {
      await writeFile(join(folder, name), '');
      assert.equal((await run([name], result())).sent.runtime, expected);
    }
  });

  test('tells an unavailable runtime and an unknown extension', async () => {
    await writeFile(join(folder, 'a.go'), '');
    await writeFile(join(folder, 'a.xyz'), '');
    const go = await run(['a.go'], result());
    assert.equal(go.code, 2);
    assert.match(go.stderr, /go is not available.*go is not installed/);
    const unknown = await run(['a.xyz'], result());
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /--runtime[\s\S]*\.cpp \.py/);
  });

  const endings = [
    [stage({ outcome: 'signal', exitCode: null, signal: 'SIGSEGV' }), 139, /ended by SIGSEGV/],
    [stage({ outcome: 'time-limit', exitCode: null, signal: 'SIGKILL' }), 124, /ran out of time/],
    [stage({ outcome: 'memory-limit', exitCode: null }), 137, /more memory than it may \(1 MiB/],
    [stage({ outcome: 'output-limit', exitCode: null }), 125, /more output/],
    [stage({ outcome: 'process-limit', exitCode: 1 }), 125, /more processes/],
    [stage({ outcome: 'disk-limit', exitCode: 1 }), 125, /files/],
    [stage({ outcome: 'internal-error', exitCode: null, message: 'odd' }), 125, /no fault of its own.*odd/],
  ] as const;
  for (const [end, code, words] of endings) {
    test(`${end.outcome} gives ${code} and plain words`, async () => {
      const ran = await run(['main.py'], result({ run: end }));
      assert.equal(ran.code, code);
      assert.match(ran.stderr, words);
      assert.equal(ran.stdout, '');
    });
  }

  test('a failed compilation prints what the compiler said and gives 1', async () => {
    const { run: _, ...rest } = result({
      compile: stage({ outcome: 'nonzero-exit', exitCode: 1, stderr: 'main.c:1: error\n' }),
    });
    const ran = await run(['main.py'], rest);
    assert.deepEqual(
      [ran.code, ran.stdout, ran.stderr],
      [1, '', 'main.c:1: error\npaddock: the program does not compile\n'],
    );
  });

  test('--json prints the answer of the service', async () => {
    const answer = result({ run: stage({ outcome: 'nonzero-exit', exitCode: 3 }) });
    const ran = await run(['main.py', '--json'], answer);
    assert.equal(ran.code, 3);
    assert.deepEqual(JSON.parse(ran.stdout), answer);
  });

  test('--stream prints as it comes, and the result is not printed again', async () => {
    const output = (stream: string, content: string) =>
      `event: output\ndata: ${JSON.stringify({ stage: 'run', stream, content, encoding: 'utf8' })}\n\n`;
    const final = result({ run: stage({ outcome: 'nonzero-exit', exitCode: 4, stdout: 'ab' }) });
    const ran = await run(['main.py', '--stream'], {
      type: 'text/event-stream',
      body: `: hello\n\n${output('stdout', 'a')}${output('stderr', 'oops\n')}${output('stdout', 'b')}event: result\ndata: ${JSON.stringify(final)}\n\n`,
    });
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [4, 'ab', 'oops\n']);
  });

  test('a stream that breaks off gives 125', async () => {
    const ran = await run(['main.py', '--stream'], { type: 'text/event-stream', body: ': nothing\n\n' });
    assert.equal(ran.code, 125);
    assert.match(ran.stderr, /before the result/);
  });

  test('tests are sent, and a failed one gives 1', async () => {
    await writeFile(
      join(folder, 'tests.json'),
      '[{"name": "one", "expectedStdout": "1"}, {"name": "two", "stdin": "2"}]',
    );
    const { run: _, ...rest } = result({
      tests: [
        { name: 'one', passed: true, ...stage() },
        { name: 'two', passed: false, ...stage({ stdout: 'wrong\n' }) },
      ],
    });
    const ran = await run(['main.py', '--tests', 'tests.json'], rest, 'not read');
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /✓ one[\s\S]*✗ two[\s\S]*wrong[\s\S]*1 of 2 passed/);
    assert.equal('stdin' in ran.sent, false);
  });

  test('saves files asked back, below the folder only', async () => {
    const good = { name: 'deep/a.txt', content: 'hi', encoding: 'utf8' as const, size: 2 };
    const args = ['main.py', '-o', '**', '--output-dir', 'out'];
    const ran = await run(args, result({ outputs: [good] }));
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(await readFile(join(folder, 'out/deep/a.txt'), 'utf8'), 'hi');
    for (const name of ['../escaped', '/tmp/escaped', 'a/../../escaped']) {
      const bad = await run(args, result({ outputs: [{ ...good, name }] }));
      assert.equal(bad.code, 125);
      assert.match(bad.stderr, /refusing/);
    }
    await symlink(tmpdir(), join(folder, 'out/link'));
    await symlink(join(folder, 'main.py'), join(folder, 'out/file'));
    for (const name of ['link/escaped', 'file']) {
      const bad = await run(args, result({ outputs: [{ ...good, name }] }));
      assert.equal(bad.code, 125);
      assert.match(bad.stderr, /cannot save/);
    }
    assert.equal(await readFile(join(folder, 'main.py'), 'utf8'), 'print(1)\n');
  });

  test('a problem of the service is told in plain words and gives 125', async () => {
    const ran = await run(['main.py', '--runtime', 'pyton'], {
      status: 404,
      type: 'application/problem+json',
      body: {
        type: 'urn:paddock:error:unknown-runtime',
        title: 'No such runtime',
        status: 404,
        code: 'unknown-runtime',
        detail: 'There is no runtime "pyton"',
        nearest: ['python'],
        errors: [{ path: 'runtime', message: 'not known' }],
      },
    });
    assert.equal(ran.code, 125);
    assert.equal(
      ran.stderr,
      'paddock: no such runtime: There is no runtime "pyton"\n  runtime: not known\n  did you mean: python\n',
    );
  });

  const mistakes: [string, RegExp][] = [
    ['main.py --limit memoryMb=abc', /"abc" is not a number/],
    ['main.py --limit memoryMb=0', /memoryMb/],
    ['main.py --limit memory=1', /there is no limit "memory"; the limits are wallMs/],
    ['main.py --limit memoryMb', /should look like/],
    ['main.py --time abc', /not a time/],
    ['main.py --time 0', /not a time/],
    ['main.py --time 1 --time 2', /give --time once/],
    ['main.py --memory -3', /memory/],
    ['main.py --env A', /should look like/],
    ['main.py -o x', /--output-dir/],
    ['missing.py', /cannot read missing.py: there is no such file/],
    ['lib', /cannot read lib: it is a folder/],
    ['main.py lib/../main.py', /two files/],
    ['main.py --tests main.py', /is not JSON/],
    ['main.py --frobnicate', /unknown argument: frobnicate/],
    ['main.py --url ftp://x', /is not a URL/],
    ['-', /needs --runtime/],
  ];
  for (const [line, words] of mistakes) {
    test(`"run ${line}" is refused with 2, and nothing is sent`, async () => {
      const ran = await run(line.split(' '), result());
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, words);
      assert.match(ran.stderr, /See paddock run --help/);
      assert.equal(ran.sent, undefined);
    });
  }

  test('a program from standard input', async () => {
    const ran = await run(['-', '--runtime', 'python'], result(), 'print(2)');
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(ran.sent, { runtime: 'python', code: 'print(2)' });
  });

  test('no service is told with what to do', async () => {
    const gone = await startFakeService({});
    await gone.close();
    const ran = await paddock(['run', 'main.py'], { url: gone.url, cwd: folder });
    assert.equal(ran.code, 125);
    assert.match(ran.stderr, /no service is running at http:[\s\S]*\.\/scripts\/start/);
  });

  test('the token of --token-file goes before that of PADDOCK_TOKEN', async () => {
    await writeFile(join(folder, 'token'), 'from-file\n');
    const service = await startFakeService({ '/v1/executions': { body: result() } });
    const env = { PADDOCK_TOKEN: 'from-env' };
    const common = { url: service.url, cwd: folder, env };
    await paddock(['run', 'main.py', '-r', 'python'], common);
    await paddock(['run', 'main.py', '-r', 'python', '--token-file', 'token'], common);
    await service.close();
    assert.deepEqual(service.authorizations, ['Bearer from-env', 'Bearer from-file']);
  });
});

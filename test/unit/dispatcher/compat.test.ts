import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stage } from '../../../service/contracts/execution.ts';
import { resultWith, stage } from './fake-executor.ts';
import { type Harness, start, tokenNumber } from './harness.ts';

const timeout = 10_000;
const headers = { 'content-type': 'application/json' };
const piston = ({ app }: Harness, payload: object | string) =>
  app.inject({ method: 'POST', url: '/api/v2/execute', payload, headers });
const hello = { language: 'py', version: '3.x', files: [{ content: 'print(1+1)' }] };

test('Piston: runtimes are listed as it lists them', { timeout }, async (t) => {
  const { app } = await start(t);
  const list = (await app.inject('/api/v2/runtimes')).json();
  assert.deepEqual(list[0], { language: 'c++', version: '17', aliases: ['cpp'] });
  assert.equal(
    list.some((runtime: { language: string }) => runtime.language === 'java'),
    false,
  );
});

test('Piston: its fields, limits in ms and bytes, and result', { timeout }, async (t) => {
  const harness = await start(t);
  harness.executor.onArrived = (one) => one.answer(resultWith({ run: stage({ stderr: 'e' }) }));
  const response = await piston(harness, {
    ...hello,
    files: [{ content: 'print(1+1)' }, { name: 'data.bin', content: 'ff00', encoding: 'hex' }],
    stdin: 'in',
    args: ['a'],
    run_timeout: 3_000,
    run_cpu_time: 2_500.7,
    compile_timeout: 10_000,
    compile_cpu_time: 8_000,
    run_memory_limit: 134_217_728,
    compile_memory_limit: -1,
  });
  assert.equal(response.statusCode, 200, response.body);
  assert.deepEqual(response.json(), {
    language: 'python',
    version: '3.12.1',
    run: {
      signal: null,
      stdout: '2\n',
      stderr: 'e',
      code: 0,
      output: '2\ne',
      memory: 1_000_000,
      message: null,
      status: null,
      cpu_time: 1,
      wall_time: 2,
    },
  });
  const sent = harness.executor.arrived[0]?.request;
  assert.deepEqual(
    sent?.files.map(({ name, encoding }) => [name, encoding]),
    [
      ['main.py', 'utf8'],
      ['data.bin', 'base64'],
    ],
  );
  assert.equal(sent?.files[1]?.content, Buffer.from('ff00', 'hex').toString('base64'));
  assert.equal(sent?.entry, 'main.py');
  assert.equal(sent?.stdin, 'in\n');
  const { wallMs, cpuMs, compileMs, memoryMb } = sent?.limits ?? {};
  assert.deepEqual(
    { wallMs, cpuMs, compileMs, memoryMb },
    { wallMs: 3_000, cpuMs: 2_500, compileMs: 8_000, memoryMb: 128 },
  );
});

test('Piston: 0 and -1 stand for the default, never for unlimited', { timeout }, async (t) => {
  const harness = await start(t);
  harness.executor.onArrived = (one) => one.answer();
  const zero = { run_timeout: 0, run_cpu_time: 0, compile_timeout: 0, run_memory_limit: 0 };
  for (const limits of [zero, { run_memory_limit: -1 }, { run_timeout: null }]) {
    assert.equal((await piston(harness, { ...hello, ...limits })).statusCode, 200);
    assert.equal(harness.executor.arrived.at(-1)?.request.limits.wallMs, 10_000);
    assert.equal(harness.executor.arrived.at(-1)?.request.limits.memoryMb, 256);
  }
});

test('Piston: bad requests are told in its words', { timeout }, async (t) => {
  const harness = await start(t);
  const cases: [object | string, RegExp][] = [
    [{}, /^language is required as a string$/],
    ['null', /^language is required as a string$/],
    [{ language: 'py' }, /^version is required as a string$/],
    [{ language: 'py', version: '3' }, /^files is required as an array$/],
    [{ ...hello, files: [{}] }, /^files\[0\]\.content is required as a string$/],
    [
      { ...hello, files: [{ content: '', encoding: 'hex' }] },
      /^files must include at least one utf8 encoded file$/,
    ],
    [{ ...hello, files: [] }, /^files must include at least one utf8 encoded file$/],
    [{ ...hello, language: 'brainfuck' }, /^brainfuck-3\.x runtime is unknown$/],
    [{ ...hello, version: '2' }, /^py-2 runtime is unknown$/],
    [{ ...hello, run_timeout: '3000' }, /^If specified, run_timeout must be a number$/],
    [{ ...hello, run_timeout: 999_999_999 }, /^run_timeout cannot exceed the configured limit of 120000$/],
    [{ ...hello, run_timeout: -5 }, /^run_timeout must be non-negative$/],
    [
      { ...hello, run_memory_limit: 1e12 },
      /^run_memory_limit cannot exceed the configured limit of 2147483648$/,
    ],
    [{ ...hello, files: [{ name: '../x', content: '' }] }, /^files\.0\.name: /],
    ['{', /not valid JSON/],
  ];
  for (const [body, message] of cases) {
    const response = await piston(harness, body);
    assert.equal(response.statusCode, 400, response.body);
    assert.match(response.json().message, message);
  }
  const typed = await harness.app.inject({
    method: 'POST',
    url: '/api/v2/execute',
    payload: 'x',
    headers: { 'content-type': 'text/plain' },
  });
  assert.equal(typed.statusCode, 415);
  assert.deepEqual(typed.json(), { message: 'requests must be of type application/json' });
  assert.equal(harness.executor.arrived.length, 0);
});

const verdicts: [
  Partial<Stage>,
  { status: string | null; signal: string | null; code: number | null; message: string | null },
][] = [
  [
    { outcome: 'nonzero-exit', exitCode: 3 },
    { status: 'RE', signal: null, code: 3, message: 'Exited with error status 3' },
  ],
  [
    { outcome: 'signal', exitCode: null, signal: 'SIGSEGV' },
    { status: 'SG', signal: 'SIGSEGV', code: null, message: 'Caught fatal signal 11' },
  ],
  [
    { outcome: 'time-limit', exitCode: null, signal: 'SIGKILL' },
    { status: 'TO', signal: 'SIGKILL', code: null, message: 'Time limit exceeded' },
  ],
  [
    { outcome: 'output-limit', exitCode: null, signal: 'SIGKILL', stdoutTruncated: true },
    { status: 'OL', signal: 'SIGKILL', code: null, message: 'stdout length exceeded' },
  ],
  [
    { outcome: 'output-limit', exitCode: null, signal: 'SIGKILL', stderrTruncated: true },
    { status: 'EL', signal: 'SIGKILL', code: null, message: 'stderr length exceeded' },
  ],
  [
    { outcome: 'memory-limit', exitCode: 1, signal: null },
    { status: 'SG', signal: 'SIGKILL', code: null, message: 'Caught fatal signal 9' },
  ],
  [
    { outcome: 'internal-error', exitCode: null, message: 'lost' },
    { status: 'XX', signal: null, code: null, message: 'lost' },
  ],
];

test('Piston: how a program ended, in its codes', { timeout }, async (t) => {
  const harness = await start(t);
  for (const [over, expected] of verdicts) {
    harness.executor.onArrived = (one) => one.answer(resultWith({ run: stage(over) }));
    const { run } = (await piston(harness, hello)).json();
    const { status, signal, code, message } = run;
    assert.deepEqual({ status, signal, code, message }, expected);
  }
});

test('Piston: a failed compilation is repeated as the run', { timeout }, async (t) => {
  const harness = await start(t);
  const compile = stage({ outcome: 'nonzero-exit', exitCode: 1, stderr: 'error: x' });
  harness.executor.onArrived = (one) => one.answer(resultWith({ run: undefined, compile }));
  const result = (await piston(harness, { ...hello, language: 'cpp', version: '*' })).json();
  assert.equal(result.compile.code, 1);
  assert.deepEqual(result.run, result.compile);
});

test('Piston: its clients send the bare key', { timeout }, async (t) => {
  const { app, executor } = await start(t, { tenants: [{ token: tokenNumber(1) }] });
  executor.onArrived = (one) => one.answer();
  const status = async (authorization: string) =>
    (await app.inject({ method: 'POST', url: '/api/v2/execute', payload: hello, headers: { authorization } }))
      .statusCode;
  assert.equal(await status(tokenNumber(1)), 200);
  assert.equal(await status(`Bearer ${tokenNumber(1)}`), 200);
  assert.equal(await status(tokenNumber(2)), 401);
});

test('the plain interface: a program in, output and exit code out', { timeout }, async (t) => {
  const { app, executor } = await start(t);
  const execute = (payload: object) => app.inject({ method: 'POST', url: '/execute', payload, headers });
  executor.onArrived = (one) =>
    one.answer(resultWith({ run: stage({ stderr: 'e', exitCode: 4, outcome: 'nonzero-exit' }) }));
  const response = await execute({ language: 'python', code: 'x', stdin: 'in' });
  assert.deepEqual(response.json(), { stdout: '2\n', stderr: 'e', code: 4 });
  assert.equal(executor.arrived[0]?.request.stdin, 'in');
  const killed = stage({
    outcome: 'time-limit',
    exitCode: null,
    signal: 'SIGKILL',
    message: 'It ran for 10 s',
  });
  executor.onArrived = (one) => one.answer(resultWith({ run: killed }));
  assert.deepEqual((await execute({ language: 'python', code: '' })).json(), {
    stdout: '2\n',
    stderr: 'It ran for 10 s\n',
    code: 137,
  });
  const compile = stage({ outcome: 'nonzero-exit', exitCode: 1, stdout: '', stderr: 'error' });
  executor.onArrived = (one) => one.answer(resultWith({ run: undefined, compile }));
  assert.deepEqual((await execute({ language: 'cpp', code: '' })).json(), {
    stdout: '',
    stderr: 'error',
    code: 1,
  });
  assert.equal((await execute({ code: '' })).json().errors[0].path, 'language');
  assert.equal((await execute({ language: 'nothing', code: '' })).statusCode, 404);
});

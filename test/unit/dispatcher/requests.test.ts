import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemSchema } from '../../../service/contracts/errors.ts';
import { startFakeExecutor } from './fake-executor.ts';
import { hello, start, tokenNumber } from './harness.ts';

const timeout = 10_000;

const digest = `sha256:${'0'.repeat(64)}`;
const cases: [name: string, body: object | string, status: number, code: string, path?: string][] = [
  ['an empty object', {}, 400, 'invalid-request', 'runtime'],
  ['no code', { runtime: 'python' }, 400, 'invalid-request', 'code'],
  ['a limit of 0', { ...hello, limits: { wallMs: 0 } }, 400, 'invalid-request', 'limits.wallMs'],
  ['a negative limit', { ...hello, limits: { memoryMb: -1 } }, 400, 'invalid-request', 'limits.memoryMb'],
  ['a limit above the maximum', { ...hello, limits: { cpus: 64 } }, 400, 'invalid-request', 'limits.cpus'],
  ['an unknown field', { ...hello, tset: 1 }, 400, 'invalid-request', 'tset'],
  [
    'a path that leaves',
    { runtime: 'python', files: [{ name: '../x', content: '' }] },
    400,
    'invalid-request',
    'files.0.name',
  ],
  ['base64 that is none', { ...hello, stdin: '%', stdinEncoding: 'base64' }, 400, 'invalid-request', 'stdin'],
  ['JSON that is none', '{"runtime":', 400, 'invalid-request', ''],
  ['no object', '[]', 400, 'invalid-request', ''],
  ['null', 'null', 400, 'invalid-request', ''],
  ['an unknown runtime', { runtime: 'pyton', code: '' }, 404, 'unknown-runtime'],
  ['an unknown version', { ...hello, version: '2.7' }, 404, 'unknown-version'],
  ['a version that is none', { ...hello, version: 'newest please' }, 404, 'unknown-version'],
  ['a runtime that is not installed', { runtime: 'java', code: '' }, 503, 'runtime-unavailable'],
  ['a capability that nothing has', { ...hello, capabilities: ['fpga'] }, 422, 'no-capable-pool'],
  [
    'an image by its tag',
    { ...hello, image: 'registry.example/team/app:1' },
    400,
    'invalid-request',
    'image',
  ],
  ['an image of no registry', { ...hello, image: `alpine@${digest}` }, 400, 'invalid-request', 'image'],
  ['an image in capitals', { ...hello, image: `a.example/Team@${digest}` }, 400, 'invalid-request', 'image'],
  [
    'an image with a way up',
    { ...hello, image: `a.example/../b@${digest}` },
    400,
    'invalid-request',
    'image',
  ],
  ['an image not allowed', { ...hello, image: `a.example/team@${digest}` }, 403, 'image-not-allowed'],
  ['a body that is too large', { runtime: 'python', code: 'x'.repeat(70_000) }, 413, 'payload-too-large'],
];

test('every bad request is answered with its fault and reaches no executor', { timeout }, async (t) => {
  const { post, executor } = await start(t);
  for (const [name, body, status, code, path] of cases) {
    await t.test(name, async () => {
      const response = await post(body);
      assert.equal(response.statusCode, status, response.body);
      assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
      const problem = problemSchema.parse(response.json());
      assert.equal(problem.code, code);
      if (path !== undefined)
        assert.ok(
          problem.errors?.some((fault) => fault.path === path),
          response.body,
        );
    });
  }
  assert.equal(executor.arrived.length, 0);
});

test('names near an unknown one are told', { timeout }, async (t) => {
  const { post } = await start(t);
  assert.deepEqual((await post({ runtime: 'pyton', code: '' })).json().nearest, ['python']);
  assert.deepEqual((await post({ runtime: 'CPP2', code: '' })).json().nearest, ['c++']);
  assert.deepEqual((await post({ ...hello, version: '2' })).json().nearest, ['3.12.1', '3.11.2']);
});

test('the highest version that fits runs', { timeout }, async (t) => {
  const { post, executor } = await start(t);
  executor.onArrived = (one) => one.answer();
  const wanted: [string | undefined, string][] = [
    [undefined, '3.12.1'],
    ['3', '3.12.1'],
    ['3.11', '3.11.2'],
    ['^3.11.0', '3.12.1'],
    ['<3.12', '3.11.2'],
    ['*', '3.12.1'],
    ['latest', '3.12.1'],
    ['3.11.2', '3.11.2'],
  ];
  for (const [version, runs] of wanted) {
    assert.equal((await post({ ...hello, runtime: 'py', version })).json().version, runs, version);
  }
});

test('only JSON is taken, and wrong paths and methods are problems', { timeout }, async (t) => {
  const { app } = await start(t);
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/xml'];
  for (const type of types) {
    const headers = { 'content-type': type };
    const response = await app.inject({ method: 'POST', url: '/v1/executions', payload: '{}', headers });
    assert.equal(response.statusCode, 415, type);
    assert.equal(response.json().code, 'unsupported-media-type');
  }
  // A page elsewhere can post a body of no type without a preflight.
  const untyped = await app.inject({ method: 'POST', url: '/v1/executions', payload: Buffer.from('{}') });
  assert.equal(untyped.statusCode, 415);
  const missing = await app.inject('/v1/nothing');
  assert.equal(missing.statusCode, 404);
  assert.equal(missing.json().code, 'not-found');
  const wrong = await app.inject({ method: 'GET', url: '/v1/executions' });
  assert.equal(wrong.statusCode, 405);
  assert.equal(wrong.headers.allow, 'POST');
  const badUrl = await app.inject('/v1/%zz');
  assert.equal(badUrl.statusCode, 400, badUrl.body);
  assert.equal(badUrl.json().code, 'invalid-request');
});

test('a Host header from elsewhere is refused', { timeout }, async (t) => {
  const { app } = await start(t, { settings: { allowedHosts: ['paddock.example:7070'] } });
  const status = async (host: string) =>
    (await app.inject({ url: '/v1/runtimes', headers: { host } })).statusCode;
  assert.equal(await status('evil.example'), 403);
  assert.equal(await status('127.0.0.1.evil.example'), 403);
  assert.equal(await status('localhost:7070'), 200);
  assert.equal(await status('[::1]:7070'), 200);
  assert.equal(await status('127.0.0.1'), 200);
  assert.equal(await status('paddock.example:7070'), 200);
  assert.equal(await status('paddock.example:1'), 403);
});

test('without an executor nothing is taken, and it says so', { timeout }, async (t) => {
  const { post, app } = await start(t, { executors: [] });
  const response = await post(hello);
  assert.equal(response.json().code, 'no-executor');
  assert.equal(response.headers['retry-after'], '1');
  assert.equal((await app.inject('/readyz')).json().status, 'no-executor');
});

test('limits: the request goes above the defaults, the tenant’s maximum caps defaults', {
  timeout,
}, async (t) => {
  const executor = await startFakeExecutor('one');
  executor.onArrived = (one) => one.answer();
  const { post } = await start(t, {
    executors: [executor],
    settings: {
      maxLimits: {
        ...(await import('../../../service/contracts/limits.ts')).defaultMaxLimits,
        wallMs: 5_000,
      },
    },
  });
  await post({ ...hello, limits: { memoryMb: 512 } });
  assert.equal(executor.arrived[0]?.request.limits.memoryMb, 512);
  assert.equal(executor.arrived[0]?.request.limits.wallMs, 5_000);
});

test('a browser takes no answer for a page, refusals included', { timeout }, async (t) => {
  const { app } = await start(t, { tenants: [{ token: tokenNumber(1) }] });
  for (const [url, host, status] of [
    ['/healthz', 'localhost', 200],
    ['/v1/runtimes', 'localhost', 401],
    ['/healthz', 'evil.example', 403],
    ['/nothing', 'localhost', 401],
  ] as const) {
    const { statusCode, headers } = await app.inject({ url, headers: { host } });
    assert.equal(statusCode, status);
    assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  }
});

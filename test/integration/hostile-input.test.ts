import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { problemSchema } from '../../service/contracts/errors.ts';
import { post, run } from '../harness/client.ts';
import { isAlive } from '../harness/processes.ts';
import { useService } from '../harness/use-service.ts';

const paddock = useService({ env: { PADDOCK_BODY_LIMIT: '1m' } });

const program = { runtime: 'python', code: 'print(1)' };

/** Sends bytes as they are and gives back all that comes until the connection ends. */
const raw = (port: number, bytes: string, timeoutMs = 5_000): Promise<string> =>
  new Promise((done, fail) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer in time')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', fail);
    socket.on('close', () => done(Buffer.concat(chunks).toString('utf8')));
  });

const cases: readonly (readonly [string, unknown, readonly string[]])[] = [
  [
    'several faults at once',
    { code: 1, limits: { wallMs: 0, cpuMs: -1 }, args: [2] },
    ['runtime', 'code', 'limits.wallMs', 'limits.cpuMs', 'args.0'],
  ],
  ['an unknown field', { ...program, timeout: 1 }, ['timeout']],
  ['code and files', { ...program, files: [{ name: 'a.py', content: '' }] }, ['code']],
  ['neither code nor files', { runtime: 'python' }, ['code']],
  [
    'an entry that is no file',
    { runtime: 'python', files: [{ name: 'a.py', content: '' }], entry: 'b.py' },
    ['entry'],
  ],
  ['stdin beside tests', { ...program, stdin: 'x', tests: [{ name: 'a' }] }, ['stdin']],
  ['two tests of one name', { ...program, tests: [{ name: 'a' }, { name: 'a' }] }, ['tests']],
  ['no tests at all', { ...program, tests: [] }, ['tests']],
  [
    'a limit above the maximum of the configuration',
    { ...program, limits: { memoryMb: 16_000 } },
    ['limits.memoryMb'],
  ],
  [
    'a file name that leads out',
    { runtime: 'python', files: [{ name: '../a.py', content: '' }] },
    ['files.0.name'],
  ],
  ['a capability that is no word', { ...program, capabilities: ['GPU; rm'] }, ['capabilities.0']],
  ['a priority out of range', { ...program, priority: 101 }, ['priority']],
  ['too many patterns', { ...program, outputs: Array.from({ length: 65 }, () => '*') }, ['outputs']],
];

describe('malformed executions are refused with the path of each fault', () => {
  for (const [what, body, paths] of cases) {
    test(what, async () => {
      const answer = await post(paddock.url, '/v1/executions', JSON.stringify(body));
      assert.equal(answer.status, 400);
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
      const problem = problemSchema.parse(JSON.parse(answer.text));
      assert.equal(problem.code, 'invalid-request');
      assert.deepEqual(problem.errors?.map(({ path }) => path).sort(), [...paths].sort());
    });
  }
});

describe('other refusals are typed', () => {
  const refusal = async (body: unknown): Promise<ReturnType<typeof problemSchema.parse>> => {
    const answer = await post(paddock.url, '/v1/executions', JSON.stringify(body));
    const problem = problemSchema.parse(JSON.parse(answer.text));
    assert.equal(problem.status, answer.status);
    return problem;
  };

  test('an unknown runtime names the nearest', async () => {
    const problem = await refusal({ ...program, runtime: 'pyton' });
    assert.equal(problem.code, 'unknown-runtime');
    assert.ok(problem.nearest?.includes('python'), JSON.stringify(problem.nearest));
  });

  test('an unknown version names what there is', async () => {
    const problem = await refusal({ ...program, version: '1.0' });
    assert.equal(problem.code, 'unknown-version');
    assert.ok((problem.nearest?.length ?? 0) > 0);
  });

  test('a body over the limit is a 413, also where its length is not told ahead', async () => {
    const large = JSON.stringify({ ...program, stdin: 'x'.repeat(2 << 20) });
    const told = await post(paddock.url, '/v1/executions', large);
    assert.equal(told.status, 413);
    assert.equal(problemSchema.parse(JSON.parse(told.text)).code, 'payload-too-large');
    const chunk = 'x'.repeat(65_536);
    const chunked = await raw(
      paddock.service.port,
      `POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${`10000\r\n${chunk}\r\n`.repeat(20)}0\r\n\r\n`,
    ).catch((error: Error) => error.message);
    // The service may break the connection in the middle of what it does not want to read.
    assert.match(chunked, /^HTTP\/1\.1 413|ECONNRESET|EPIPE/);
  });

  test('a form is a 415', async () => {
    const answer = await post(paddock.url, '/v1/executions', 'a=b', {
      headers: { 'content-type': 'text/plain' },
    });
    assert.equal(answer.status, 415);
    assert.equal(problemSchema.parse(JSON.parse(answer.text)).code, 'unsupported-media-type');
  });

  test('an unknown path is a 404 and a wrong method a 405 or 404, both as problems', async () => {
    for (const [method, path] of [
      ['GET', '/v1/nothing'],
      ['GET', '/v1/executions'],
      ['DELETE', '/v1/runtimes'],
      ['GET', '/%2e%2e/etc/passwd'],
      ['GET', '/%ff'],
    ] as const) {
      const response = await fetch(`${paddock.url}${path}`, { method });
      const problem = problemSchema.parse(await response.json());
      assert.ok([400, 404, 405].includes(problem.status), `${method} ${path}: ${problem.status}`);
    }
  });

  test('a foreign Host header is refused, so that no web page can reach a service on loopback', async () => {
    const body = JSON.stringify(program);
    const answer = await raw(
      paddock.service.port,
      `POST /v1/executions HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
    assert.match(answer, /^HTTP\/1\.1 403/);
    assert.match(answer, /host-not-allowed/);
  });
});

describe('what is not HTTP at all does no harm', () => {
  const nonsense: readonly (readonly [string, string])[] = [
    ['binary', '\x16\x03\x01\x02\x00\x01\x00'.repeat(50)],
    [
      'two lengths',
      'POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
    ],
    [
      'length and chunks',
      'POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a broken chunk',
      'POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nxx\r\n',
    ],
    ['a negative length', 'POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n'],
    ['huge headers', `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(200_000)}\r\n\r\n`],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ];
  for (const [what, bytes] of nonsense) {
    test(what, async () => {
      const answer = await raw(paddock.service.port, bytes).catch((error: Error) => error.message);
      assert.match(answer, /^HTTP\/1\.1 4\d\d|ECONNRESET|EPIPE|^$/);
      assert.ok(isAlive(paddock.service.pid));
    });
  }

  test('a body that never comes to its end is given up with its connection', async () => {
    const socket = connect(paddock.service.port, '127.0.0.1');
    socket.write(
      'POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    await new Promise((done) => socket.once('connect', done));
    socket.destroy();
    assert.equal((await run(paddock.url, program)).run?.stdout, '1\n');
  });
});

test('the older interfaces refuse nonsense as well', async () => {
  for (const [path, body] of [
    ['/api/v2/execute', { language: 'python', version: '*', files: 'no' }],
    ['/api/v2/execute', { language: 'nothing', version: '*', files: [{ content: '' }] }],
    ['/api/v2/execute', { language: 'python', version: '*', files: [{ name: '../../x', content: '' }] }],
    ['/api/v2/execute', { language: 'python', version: '*', files: [{ content: '' }], run_timeout: 1e9 }],
    ['/api/v2/execute', { language: 'python', version: '*', files: [{ content: '' }], run_memory_limit: -2 }],
    ['/execute', { language: 'python' }],
    ['/execute', { code: 1 }],
  ] as const) {
    const answer = await post(paddock.url, path, JSON.stringify(body));
    assert.ok(
      answer.status >= 400 && answer.status < 500,
      `${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text.slice(0, 200)}`,
    );
  }
});

test('a limit of zero does not mean unlimited in the older interface either', async () => {
  const answer = await post(
    paddock.url,
    '/api/v2/execute',
    JSON.stringify({
      language: 'python',
      version: '*',
      files: [{ content: 'while True: pass' }],
      run_timeout: 0,
    }),
  );
  assert.ok(answer.ms < 20_000);
  assert.ok(answer.status === 400 || JSON.parse(answer.text).run.signal === 'SIGKILL', answer.text);
});

test('after all of it the service is as it was', async () => {
  assert.equal((await run(paddock.url, program)).run?.stdout, '1\n');
});

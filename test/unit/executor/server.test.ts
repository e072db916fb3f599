import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import {
  defaultLimits,
  type ExecutorRequest,
  type ExecutorResult,
  type ExecutorStatus,
  type OutputEvent,
  PaddockError,
  problemSchema,
} from '../../../service/contracts/index.ts';
import {
  createExecutorServer,
  type ExecutorHandlers,
  parseExecutorRequest,
} from '../../../service/executor/server.ts';
import { admitsToken } from '../../../service/executor/static-token.ts';

const TOKEN = 'a-token-of-at-least-thirty-two-characters';
const LIMIT = 100_000;

const valid: ExecutorRequest = {
  id: 'e1',
  tenant: 'grader',
  runtime: 'python',
  version: '3.11.2',
  files: [{ name: 'main.py', content: 'print(1)', encoding: 'utf8' }],
  entry: 'main.py',
  args: [],
  stdin: '',
  stdinEncoding: 'utf8',
  env: {},
  limits: { ...defaultLimits },
  outputs: [],
  stream: false,
  cache: true,
};
const result: ExecutorResult = {
  outputs: [],
  warm: true,
  timings: { preparedMs: 1, compileMs: 0, runMs: 1, collectMs: 0, totalMs: 2 },
};

const started = async (context: TestContext, handlers: Partial<ExecutorHandlers> = {}) => {
  const errors: Error[] = [];
  const executed: ExecutorRequest[] = [];
  const server = createExecutorServer(
    { admits: admitsToken(TOKEN), bodyLimitBytes: LIMIT, onInternalError: (error) => errors.push(error) },
    {
      admit() {},
      async execute(parsed) {
        executed.push(parsed);
        return result;
      },
      status: () => ({ id: 'x' }) as ExecutorStatus, // the server passes it on unseen
      load: () => 'running=0;max=1;state=ready;catalogue=a',
      ...handlers,
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { port: address.port, errors, executed };
};

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly load: unknown;
  readonly text: string;
}

const bodyOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

const send = async (
  port: number,
  body: string | Buffer,
  options: RequestOptions & { readonly agent?: Agent } = {},
): Promise<Answer> => {
  const outgoing = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/executions',
    ...options,
    headers: { authorization: `Bearer ${TOKEN}`, ...options.headers },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  outgoing.on('error', () => {}); // answered: the end of the test may cut off the rest of a refused body
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    load: response.headers['paddock-load'],
    text: await bodyOf(response),
  };
};

const problemOf = ({ status, type, text }: Answer) => {
  assert.equal(type, 'application/problem+json');
  const problem = problemSchema.parse(JSON.parse(text));
  assert.equal(problem.status, status);
  return problem;
};

const refusal = (body: string | Buffer): PaddockError => {
  try {
    parseExecutorRequest(Buffer.from(body));
  } catch (error) {
    assert.ok(error instanceof PaddockError, String(error));
    return error;
  }
  return assert.fail('was accepted');
};

describe('parsing a request', () => {
  test('takes a valid one, and names every fault of another', () => {
    assert.deepEqual(parseExecutorRequest(Buffer.from(JSON.stringify(valid))), valid);
    const faulty = {
      ...valid,
      id: '',
      files: [{ name: '../x', content: '*', encoding: 'base64' }],
      limits: { ...defaultLimits, memoryMb: 0 },
      extra: 1,
    };
    const { code, details } = refusal(JSON.stringify(faulty));
    assert.equal(code, 'invalid-request');
    const paths = details.errors?.map(({ path }) => path);
    for (const path of ['id', 'files.0.name', 'limits.memoryMb', 'extra'])
      assert.ok(paths?.includes(path), path);
  });

  test('answers any bytes with a PaddockError and nothing else', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    const json = fc.json({ maxDepth: 6 }).map((text) => Buffer.from(text));
    fc.assert(
      fc.property(fc.oneof(bytes, json), (body) => {
        assert.equal(refusal(body).code, 'invalid-request');
      }),
    );
    for (const body of ['', '{', 'null', '[]', '"x"', '1e999', '{"__proto__":{}}', '['.repeat(1_000_000)]) {
      assert.equal(refusal(body).code, 'invalid-request', body.slice(0, 20));
    }
  });

  test('answers a valid request with anything put in somewhere either so or with the request', () => {
    const fields = Object.keys(valid);
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 3 }), (field, value) => {
        const body = Buffer.from(JSON.stringify({ ...valid, [field]: value }));
        try {
          assert.equal(typeof parseExecutorRequest(body).id, 'string');
        } catch (error) {
          assert.ok(error instanceof PaddockError && error.code === 'invalid-request', String(error));
          assert.ok(error.details.errors?.every(({ path }) => path.startsWith(field)));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('refuses limits that are zero, negative, fractions, too large or missing', () => {
    for (const memoryMb of [0, -1, 1.5, 1e9, null, undefined, '256']) {
      refusal(JSON.stringify({ ...valid, limits: { ...defaultLimits, memoryMb } }));
    }
  });
});

describe('the server of an executor', () => {
  test('runs an execution and says how it is', async (context) => {
    const { port, executed } = await started(context);
    const answer = await send(port, JSON.stringify(valid));
    assert.deepEqual([answer.status, JSON.parse(answer.text)], [200, result]);
    assert.deepEqual(executed, [valid]);
    const status = await send(port, '', { method: 'GET', path: '/status' });
    assert.deepEqual([status.status, JSON.parse(status.text)], [200, { id: 'x' }]);
  });

  test('answers nobody without its token, whatever is asked', async (context) => {
    const { port, executed, errors } = await started(context);
    for (const authorization of [
      '',
      'Bearer ',
      TOKEN,
      `Bearer ${TOKEN}x`,
      `bearer ${TOKEN}`,
      `Basic ${TOKEN}`,
    ]) {
      for (const options of [{}, { method: 'GET', path: '/status' }, { path: '/nothing' }]) {
        // Of a GET, the client would send a body without its length.
        const body = 'method' in options ? '' : JSON.stringify(valid);
        const answer = await send(port, body, { ...options, headers: { authorization } });
        assert.equal(problemOf(answer).code, 'unauthorized', authorization);
      }
    }
    assert.deepEqual([executed, errors], [[], []]);
  });

  test('says with each answer and each refusal how full it is, and to nobody else', async (context) => {
    let busy = false;
    const { port } = await started(context, {
      admit() {
        if (busy) throw new PaddockError('executor-busy');
      },
      load: (parsed) => `of ${parsed?.runtime}`,
    });
    assert.equal((await send(port, JSON.stringify(valid))).load, 'of python');
    busy = true;
    assert.equal((await send(port, JSON.stringify(valid))).load, 'of undefined');
    const stranger = await send(port, JSON.stringify(valid), { headers: { authorization: 'Bearer x' } });
    assert.equal(stranger.load, undefined);
  });

  test('tells the status which catalogue the dispatcher knows', async (context) => {
    const known: (string | undefined)[] = [];
    const { port } = await started(context, {
      status(one) {
        known.push(one);
        return { id: 'x' } as ExecutorStatus;
      },
    });
    for (const path of ['/status', '/status?known=a-b_c']) await send(port, '', { method: 'GET', path });
    assert.deepEqual(known, [undefined, 'a-b_c']);
    assert.equal((await send(port, '', { method: 'GET', path: '/statuses' })).status, 404);
  });

  test('knows two routes', async (context) => {
    const { port } = await started(context);
    for (const [method, path] of [
      ['GET', '/executions'],
      ['POST', '/status'],
      ['GET', '/'],
      ['POST', '/executions/../executions'],
      ['DELETE', '/executions'],
    ]) {
      assert.equal(problemOf(await send(port, '', { method, path })).code, 'not-found', `${method} ${path}`);
    }
  });

  test('answers a bad body with 400, and goes on', async (context) => {
    const { port, errors } = await started(context);
    assert.equal(problemOf(await send(port, '{')).code, 'invalid-request');
    assert.equal(problemOf(await send(port, '{}')).errors?.length, Object.keys(valid).length);
    assert.equal((await send(port, JSON.stringify(valid))).status, 200);
    assert.deepEqual(errors, []);
  });

  test('answers a body over the limit with 413, announced or not, however large', async (context) => {
    const { port, executed, errors } = await started(context);
    for (const size of [LIMIT + 1, 20_000_000]) {
      const body = Buffer.alloc(size, 0x20);
      assert.equal(problemOf(await send(port, body)).code, 'payload-too-large');
      const chunked = { headers: { 'transfer-encoding': 'chunked' } };
      assert.equal(problemOf(await send(port, body, chunked)).code, 'payload-too-large');
    }
    const padded = Buffer.alloc(LIMIT, 0x20);
    padded.write(JSON.stringify(valid));
    assert.equal((await send(port, padded)).status, 200, 'exactly the limit');
    assert.deepEqual([executed.length, errors], [1, []]);
  });

  test('answers busy before it has read the body', async (context) => {
    const { port, executed } = await started(context, {
      admit() {
        throw new PaddockError('executor-busy', { detail: '4 executions run here' });
      },
    });
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/executions',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-length': LIMIT },
    });
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const problem = problemSchema.parse(JSON.parse(await bodyOf(response)));
    assert.deepEqual([response.statusCode, problem.code], [503, 'executor-busy']);
    outgoing.destroy();
    assert.equal(problemOf(await send(port, JSON.stringify(valid))).detail, '4 executions run here');
    assert.deepEqual(executed, []);
  });

  test('answers an error of ours with 500, keeps its message to itself and the log', async (context) => {
    const { port, errors } = await started(context, {
      execute: () => Promise.reject(new Error('secret path /root')),
    });
    const answer = await send(port, JSON.stringify(valid));
    assert.equal(problemOf(answer).code, 'internal');
    assert.ok(!answer.text.includes('secret'));
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['secret path /root'],
    );
  });

  test('passes on a PaddockError as it is', async (context) => {
    const { port, errors } = await started(context, {
      execute: () => Promise.reject(new PaddockError('runtime-unavailable', { detail: 'no rustc' })),
    });
    const problem = problemOf(await send(port, JSON.stringify(valid)));
    assert.deepEqual([problem.code, problem.detail, errors], ['runtime-unavailable', 'no rustc', []]);
  });
});

describe('a stream from an executor', () => {
  const piece: OutputEvent = { stage: 'run', stream: 'stdout', content: 'a\nb', encoding: 'utf8' };
  const streaming = JSON.stringify({ ...valid, stream: true });
  const eventsOf = ({ text }: Answer) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('is one JSON line an event, the result last', async (context) => {
    const { port } = await started(context, {
      async execute(_request, _signal, emit) {
        emit?.(piece);
        return result;
      },
    });
    const answer = await send(port, streaming);
    assert.equal(answer.type, 'application/x-ndjson');
    assert.deepEqual(eventsOf(answer), [
      { event: 'output', output: piece },
      { event: 'result', result },
    ]);
  });

  test('comes while the program runs', async (context) => {
    const end = Promise.withResolvers<ExecutorResult>();
    const { port } = await started(context, {
      execute(_request, _signal, emit) {
        emit?.(piece);
        return end.promise;
      },
    });
    const outgoing = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/executions',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    outgoing.end(streaming);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const [first] = await once(response, 'data');
    assert.equal(JSON.parse(first).event, 'output');
    end.resolve(result);
    assert.equal(JSON.parse(await bodyOf(response)).event, 'result');
  });

  test('ends with an event where it fails in the middle', async (context) => {
    const { port, errors } = await started(context, {
      async execute(_request, _signal, emit) {
        emit?.(piece);
        throw new Error('lost');
      },
    });
    const events = eventsOf(await send(port, streaming));
    assert.deepEqual([events.length, events[1].event, events[1].problem.code], [2, 'error', 'internal']);
    assert.equal(errors.length, 1);
  });

  test('is refused with a status, not an event, where there is no room', async (context) => {
    let asked = 0;
    const { port } = await started(context, {
      admit() {
        asked += 1;
        if (asked === 2) throw new PaddockError('executor-busy');
      },
    });
    assert.equal(problemOf(await send(port, streaming)).code, 'executor-busy');
  });
});

describe('a caller that goes away', () => {
  for (const stream of [false, true]) {
    test(`cancels its ${stream ? 'streamed ' : ''}execution, and late output harms nobody`, async (context) => {
      const running = Promise.withResolvers<void>();
      const cancelled = Promise.withResolvers<void>();
      const { port, errors } = await started(context, {
        async execute(_request, signal, emit) {
          const aborted = once(signal, 'abort');
          running.resolve();
          await aborted;
          emit?.({ stage: 'run', stream: 'stdout', content: 'late', encoding: 'utf8' });
          cancelled.resolve();
          throw new PaddockError('client-closed');
        },
      });
      const outgoing = request({
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/executions',
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      outgoing.on('error', () => {});
      outgoing.end(JSON.stringify({ ...valid, stream }));
      await running.promise;
      outgoing.destroy();
      await cancelled.promise;
      const status = await send(port, '', { method: 'GET', path: '/status' });
      assert.deepEqual([status.status, errors], [200, []]);
    });
  }

  test('in the middle of its body is no error of ours', async (context) => {
    const admitted = Promise.withResolvers<void>();
    const { port, errors, executed } = await started(context, { admit: () => admitted.resolve() });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /executions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 100\r\n\r\n{`,
    );
    await admitted.promise;
    socket.destroy();
    await once(socket, 'close');
    const status = await send(port, '', { method: 'GET', path: '/status' });
    assert.deepEqual([status.status, errors, executed], [200, [], []]);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { ExecutorLoad } from '../../../service/contracts/executor-load.ts';
import {
  createExecutorClient,
  ExecutorBusy,
  ExecutorLost,
} from '../../../service/dispatcher/executor-client.ts';
import { resultWith, statusOf } from './fake-executor.ts';

const clientOf = async (context: TestContext, answer: RequestListener) => {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const url = `http://127.0.0.1:${address.port}`;
  const client = createExecutorClient({ id: 'one', url, pool: 'default', authorization: () => 'x' });
  context.after(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return client;
};

const request = { stream: false } as Parameters<ReturnType<typeof createExecutorClient>['execute']>[0];

test('a status is taken whole, or brief where the rest is known; anything else is refused', async (context) => {
  const whole = { ...statusOf('one'), catalogue: 'a' };
  const { id: _, node: _n, startedAt: _s, capabilities: _c, runtimes: _r, isolation: _i, ...brief } = whole;
  const urls: (string | undefined)[] = [];
  let answer: object = whole;
  const client = await clientOf(context, ({ url }, response) => {
    urls.push(url);
    response.end(JSON.stringify(answer));
  });
  assert.deepEqual(await client.status(undefined), whole);
  answer = brief;
  assert.deepEqual(await client.status('a'), brief);
  assert.deepEqual(urls, ['/status', '/status?known=a']);
  const { catalogue: _a, ...nameless } = brief;
  for (const [said, known] of [
    [brief, undefined],
    [brief, 'b'],
    [nameless, undefined],
    [{ ...brief, running: 'many' }, 'a'],
    [{ ...whole, runtimes: [{ name: 'python' }] }, 'a'],
    [{ ...whole, catalogue: '../x' }, 'a'],
    [[], 'a'],
  ] as const) {
    answer = said;
    await assert.rejects(client.status(known), ExecutorLost, JSON.stringify(said).slice(0, 80));
  }
});

test('how full an executor is comes with its answers and refusals; nonsense is no answer', async (context) => {
  let load: string | undefined = 'running=1;max=4;state=ready;catalogue=a;warm=2';
  let status = 200;
  const client = await clientOf(context, (_request, response) => {
    if (load !== undefined) response.setHeader('paddock-load', load);
    const type = 'urn:paddock:problem:executor-busy';
    const busy = { type, title: 'Busy', status, code: 'executor-busy' };
    response.writeHead(status).end(JSON.stringify(status === 200 ? resultWith() : busy));
  });
  const heard: ExecutorLoad[] = [];
  const execute = () =>
    client.execute(request, new AbortController().signal, undefined, (one) => heard.push(one));
  await execute();
  assert.deepEqual(heard, [{ running: 1, maxRunning: 4, state: 'ready', catalogue: 'a', warm: 2 }]);
  load = 'running=4;max=4;state=ready;catalogue=a';
  status = 503;
  await assert.rejects(execute(), ExecutorBusy);
  assert.equal(heard[1]?.running, 4);
  for (load of ['running=lots', undefined]) {
    status = 200;
    await execute();
  }
  assert.equal(heard.length, 2);
});

test('connections that nobody uses are closed', async (context) => {
  let closed = 0;
  const waiting: ServerResponse[] = [];
  const gone = Promise.withResolvers<void>();
  const client = await clientOf(context, (incoming, response) => {
    incoming.socket.once('close', () => {
      if (++closed === 3) gone.resolve();
    });
    // An executor says 60: what is unused so long, less some for the way, is closed from this side.
    response.setHeader('keep-alive', 'timeout=3');
    // Not before all three are under way, each on a connection of its own.
    if (waiting.push(response) === 3) for (const one of waiting) one.end(JSON.stringify(resultWith()));
  });
  await Promise.all([1, 2, 3].map(() => client.execute(request, new AbortController().signal)));
  await gone.promise;
});

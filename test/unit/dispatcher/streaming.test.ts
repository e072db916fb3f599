import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutputEvent } from '../../../service/contracts/execution.ts';
import { resultWith } from './fake-executor.ts';
import { type Harness, hello, start, until } from './harness.ts';

const timeout = 10_000;
const output: OutputEvent = { stage: 'run', stream: 'stdout', content: 'é', encoding: 'utf8' };

/** A real connection: what a client sees while the execution is under way, and what its going away does. */
const connect = async (
  { app }: Harness,
  body: object,
  accept: string,
  signal?: AbortSignal,
): Promise<Response> => {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' });
  const address = app.server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return fetch(`http://127.0.0.1:${port}/v1/executions`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', accept },
    signal: signal ?? null,
  });
};

const readerOf = (response: Response): { until(text: string): Promise<string> } => {
  assert.ok(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let seen = '';
  return {
    async until(text) {
      while (!seen.includes(text)) {
        const { value, done } = await reader.read();
        assert.equal(done, false, seen);
        seen += value;
      }
      return seen;
    },
  };
};

test('output comes as it is written, then the result', { timeout }, async (t) => {
  const harness = await start(t);
  const response = await connect(harness, hello, 'text/event-stream');
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = readerOf(response);
  const arrived = await harness.executor.count(1);
  assert.equal(arrived.request.stream, true);
  arrived.event({ event: 'output', output });
  const seen = await reader.until(
    'event: output\ndata: {"stage":"run","stream":"stdout","content":"é","encoding":"utf8"}\n\n',
  );
  assert.equal(seen.includes('event: result'), false);
  arrived.event({ event: 'result', result: resultWith() });
  arrived.end();
  await reader.until('event: result\ndata: {"id":"execution-1"');
  await reader.until('"attempts":1');
});

test('what is refused at once is an HTTP error, what fails later is an event', { timeout }, async (t) => {
  const harness = await start(t);
  const refused = await connect(harness, { runtime: 'nothing', code: '' }, 'text/event-stream');
  assert.equal(refused.status, 404);
  const response = await connect(harness, hello, 'text/event-stream');
  const reader = readerOf(response);
  const arrived = await harness.executor.count(1);
  arrived.event({ event: 'output', output });
  await reader.until('event: output');
  arrived.die();
  const text = await reader.until('executor-lost');
  // Some output was shown already, so it is not run once more.
  assert.match(text, /event: error\ndata: \{.*"code":"executor-lost"/);
  assert.equal(harness.executor.arrived.length, 1);
});

for (const accept of ['application/json', 'text/event-stream']) {
  test(`a caller that goes away stops its execution (${accept})`, { timeout }, async (t) => {
    const harness = await start(t);
    const gone = new AbortController();
    const response = connect(harness, hello, accept, gone.signal).catch(() => {});
    const arrived = await harness.executor.count(1);
    gone.abort();
    await arrived.cancelled;
    await response;
    await until(() => harness.core.running() === 0);
    await until(() => harness.logged.some((line) => line.error === 'client-closed'));
  });
}

test('a caller that goes away while it waits leaves the queue', { timeout }, async (t) => {
  const harness = await start(t);
  harness.executor.status = { maxRunning: 1 };
  await until(() => [...harness.core.fleet.members()][0]?.status?.maxRunning === 1);
  const first = connect(harness, hello, 'application/json');
  const arrived = await harness.executor.count(1);
  const gone = new AbortController();
  const second = connect(harness, hello, 'application/json', gone.signal).catch(() => {});
  await until(() => harness.core.waiting().total === 1);
  gone.abort();
  await second;
  await until(() => harness.core.waiting().total === 0);
  arrived.answer();
  assert.equal((await first).status, 200);
  assert.equal(harness.executor.arrived.length, 1);
});

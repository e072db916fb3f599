import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import {
  executorsResponseSchema,
  healthResponseSchema,
  poolsResponseSchema,
  runtimesResponseSchema,
  statsResponseSchema,
} from '../../../service/contracts/service.ts';
import { hello, start, tokenNumber, until } from './harness.ts';

const timeout = 10_000;

test('the read-only routes answer in their shapes', { timeout }, async (t) => {
  const { app, post, executor } = await start(t);
  executor.onArrived = (one) => one.answer();
  await post(hello);
  const shapes: [string, z.ZodType][] = [
    ['/v1/runtimes', runtimesResponseSchema],
    ['/v1/executors', executorsResponseSchema],
    ['/v1/pools', poolsResponseSchema],
    ['/v1/stats', statsResponseSchema],
    ['/healthz', healthResponseSchema],
    ['/readyz', healthResponseSchema],
  ];
  for (const [url, schema] of shapes) {
    const response = await app.inject(url);
    assert.equal(response.statusCode, 200, url);
    assert.ok(schema.safeParse(response.json()).success, `${url}: ${response.body}`);
  }
  const pools = poolsResponseSchema.parse((await app.inject('/v1/pools')).json());
  assert.equal(pools.pools[0]?.room, 2);
  const stats = statsResponseSchema.parse((await app.inject('/v1/stats')).json());
  await until(() => true);
  assert.equal(stats.latency.samples, 1);
});

test('metrics tell of executions, steps, queue and warm sandboxes', { timeout }, async (t) => {
  const { app, post, executor, logged } = await start(t);
  executor.onArrived = (one) => one.answer();
  await post(hello);
  await post({});
  await until(() => logged.some((line) => line.msg === 'execution'));
  const { body, headers } = await app.inject('/metrics');
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  for (const line of [
    'paddock_executions_total{runtime="python",tenant="local",outcome="ok"} 1',
    'paddock_step_seconds_count{step="queue"} 1',
    'paddock_step_seconds_count{step="dispatch"} 1',
    'paddock_step_seconds_count{step="total"} 1',
    'paddock_step_seconds_bucket{step="run",le="0.001"} 0',
    'paddock_step_seconds_bucket{step="run",le="0.002"} 1',
    'paddock_step_seconds_bucket{step="run",le="+Inf"} 1',
    'paddock_step_seconds_sum{step="run"} 0.002',
    'paddock_queue_waiting 0',
    'paddock_running 0',
    'paddock_warm_ready{runtime="python",version="3.11.2",stage="run"} 2',
    'paddock_http_errors_total{code="invalid-request"} 1',
  ]) {
    assert.ok(body.includes(`${line}\n`), `${line}\n\n${body}`);
  }
});

test('OpenAPI 3.1 is made of the same schemas, and the reference page needs nothing from outside', {
  timeout,
}, async (t) => {
  const { app } = await start(t);
  const document = (await app.inject('/openapi.json')).json();
  assert.equal(document.openapi, '3.1.0');
  for (const name of ['ExecutionRequest', 'ExecutionResult', 'Problem', 'Limits', 'Stage']) {
    assert.ok(document.components.schemas[name], `${name} in ${Object.keys(document.components.schemas)}`);
  }
  const post = document.paths['/v1/executions'].post;
  assert.deepEqual(post.requestBody.content['application/json'].schema, {
    $ref: '#/components/schemas/ExecutionRequest',
  });
  assert.equal(post.requestBody.required, true);
  assert.ok(post.responses['200'].content['text/event-stream']);
  assert.ok(post.responses['503'].content['application/problem+json']);
  const page = await app.inject('/docs');
  assert.equal(page.statusCode, 200);
  const policy = String(page.headers['content-security-policy']);
  assert.match(policy, /script-src 'self';/);
  assert.equal(/https?:/.test(policy), false, policy);
  const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]);
  assert.ok(sources.length > 2);
  for (const source of sources) {
    assert.match(String(source), /^\/docs\//);
    assert.equal((await app.inject(String(source))).statusCode, 200, source);
  }
});

test('with tokens, every execution needs one', { timeout }, async (t) => {
  const tenants = [{ tenant: 'school', token: tokenNumber(1), maxLimits: { wallMs: 1_000 } }];
  const { post, app, executor } = await start(t, { tenants });
  executor.onArrived = (one) => one.answer();
  assert.equal((await post(hello)).statusCode, 401);
  assert.equal((await post(hello, { authorization: `Bearer ${tokenNumber(2)}` })).statusCode, 401);
  const mine = { authorization: `Bearer ${tokenNumber(1)}` };
  assert.equal((await post(hello, mine)).statusCode, 200);
  assert.equal(executor.arrived[0]?.request.limits.wallMs, 1_000);
  assert.equal((await post({ ...hello, limits: { wallMs: 1_001 } }, mine)).statusCode, 400);
  assert.equal((await app.inject('/metrics')).statusCode, 401);
  assert.equal((await app.inject('/v1/stats')).statusCode, 401);
  for (const url of ['/healthz', '/readyz', '/docs', '/openapi.json']) {
    assert.equal((await app.inject(url)).statusCode, 200, url);
  }
});

test('reached from elsewhere without tokens, nothing is open', { timeout }, async (t) => {
  const { post } = await start(t, { settings: { loopback: false } });
  assert.equal((await post(hello, { host: 'paddock.example' })).statusCode, 401);
});

test('shutdown settles what was accepted and takes nothing more', { timeout }, async (t) => {
  const { post, core, app, executor } = await start(t);
  const answers = [post(hello), post(hello), post(hello)];
  await executor.count(2);
  const drained = core.drain(10_000);
  assert.equal((await post(hello)).json().code, 'shutting-down');
  assert.equal((await app.inject('/readyz')).json().status, 'draining');
  executor.onArrived = (one) => one.answer();
  for (const arrived of [...executor.arrived]) arrived.answer();
  for (const answer of answers) assert.equal((await answer).statusCode, 200);
  await drained;
});

test('after the grace period the rest is told', { timeout }, async (t) => {
  const { post, core, executor } = await start(t);
  const answer = post(hello);
  const arrived = await executor.count(1);
  await core.drain(10);
  assert.equal((await answer).json().code, 'shutting-down');
  await arrived.cancelled;
});

test('an executor that leaves keeps its runtimes known, so that requests wait for the next', {
  timeout,
}, async (t) => {
  const { post, cluster, executor, core } = await start(t);
  cluster.leave(executor);
  const answer = post(hello);
  await until(() => core.waiting().total === 1);
  executor.onArrived = (one) => one.answer();
  cluster.join(executor);
  assert.equal((await answer).statusCode, 200);
});

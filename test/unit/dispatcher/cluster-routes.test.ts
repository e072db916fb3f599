import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../service/cluster/clock.ts';
import { start, tokenNumber } from './harness.ts';
import { createFakeElastic, spec } from './pools/fake-elastic.ts';

const timeout = 10_000;
const registration = {
  allocation: '4c1f9d50-6f4f-4a4e-9f6f-2c1a6f6f6f6f',
  pool: 'default',
  url: 'http://127.0.0.1:20001',
  node: 'here',
  state: 'ready',
};
const report = {
  dispatcher: 'two',
  url: 'http://127.0.0.1:7071',
  pools: [{ pool: 'default', waiting: 3 }],
};

test('what the cluster says comes in by doors of its own, not by tokens of tenants', {
  timeout,
}, async (t) => {
  const elastic = createFakeElastic([spec()], systemClock.epoch);
  const tenants = [{ token: tokenNumber(1) }];
  const settings = { bodyLimitBytes: 1_048_576 };
  const { app } = await start(t, { executors: [], elastic, tenants, settings });
  const post = (url: string, payload: object, authorization: string, headers = {}) =>
    app.inject({ method: 'POST', url, payload, headers: { authorization, ...headers } });
  assert.equal((await post('/cluster/executors', registration, 'Bearer identity')).statusCode, 204);
  assert.deepEqual(elastic.registered[0], { authorization: 'Bearer identity', registration });
  assert.equal((await post('/cluster/demand', report, 'Bearer peer')).statusCode, 204);
  assert.deepEqual(elastic.reported, [report]);

  for (const url of ['/cluster/executors', '/cluster/demand']) {
    const body = url.endsWith('demand') ? report : registration;
    assert.equal((await post(url, body, `Bearer ${tokenNumber(1)}`)).statusCode, 401, url);
    assert.equal((await post(url, { ...body, more: 1 }, 'Bearer identity')).statusCode, 400, url);
    assert.equal((await post(url, body, 'Bearer peer', { host: 'elsewhere.example' })).statusCode, 403, url);
    const large = { ...body, padding: 'x'.repeat(70_000) };
    assert.equal((await post(url, large, 'Bearer identity')).statusCode, 413, url);
  }
  assert.equal(elastic.registered.length + elastic.reported.length, 2);
  const { paths } = (await app.inject('/openapi.json')).json();
  assert.deepEqual(
    Object.keys(paths).filter((path) => path.startsWith('/cluster')),
    [],
  );
});

test('where executors do not come and go there are no such doors', { timeout }, async (t) => {
  const { app } = await start(t);
  const payload = registration;
  assert.equal((await app.inject({ method: 'POST', url: '/cluster/executors', payload })).statusCode, 404);
  assert.equal((await app.inject({ method: 'POST', url: '/cluster/demand', payload })).statusCode, 404);
  const pools = (await app.inject('/v1/pools')).json();
  assert.deepEqual(Object.keys(pools), ['pools']);
  assert.deepEqual(Object.keys(pools.pools[0]).length, 6);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NomadError } from '../../../../../service/cluster/nomad/api/errors.ts';
import { startFakeNomad } from './fake-nomad.ts';

const job = { ID: 'paddock-default', Type: 'batch' };

test('reads a job with its modify index, and keeps the rest for comparing', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('job');
  const found = await nomad.api.jobs.get('paddock-default');
  assert.equal(found?.JobModifyIndex, 11);
  assert.deepEqual(found?.Meta, {});
  assert.deepEqual(found?.Datacenters, ['*']);
  assert.equal(nomad.received[0]?.path, '/v1/job/paddock-default');
});

test('says of a job that is not there that it is not', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('job-none');
  assert.equal(await nomad.api.jobs.get('none'), undefined);
});

test('registers a job, and only at a modify index where one is given', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('register', 'register');
  assert.deepEqual(await nomad.api.jobs.register(job), { modifyIndex: 11, warnings: '' });
  await nomad.api.jobs.register(job, 0);
  const [plain, enforced] = nomad.received;
  assert.equal(plain?.method, 'PUT');
  assert.equal(plain?.path, '/v1/jobs');
  assert.deepEqual(plain?.body, { Job: job });
  assert.deepEqual(enforced?.body, { Job: job, EnforceIndex: true, JobModifyIndex: 0 });
});

test('tells a lost race and an invalid job with what Nomad says, and sends neither again', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('register-lost', 'register-invalid');
  const fails = (text: RegExp) => (error: unknown) =>
    error instanceof NomadError && error.status === 500 && text.test(error.message);
  await assert.rejects(nomad.api.jobs.register(job, 0), fails(/Enforcing job modify index 0/));
  await assert.rejects(nomad.api.jobs.register(job), fails(/Missing job task groups/));
  assert.equal(nomad.received.length, 2);
});

test('plans with the diff, and reads why nothing can be placed', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('plan-new');
  const plan = await nomad.api.jobs.plan({ ...job, ID: 'paddock-gpu' });
  assert.equal(plan.Diff?.Type, 'Added');
  assert.equal(plan.JobModifyIndex, 0);
  assert.deepEqual(plan.FailedTGAllocs.executor?.ConstraintFiltered, { '${meta.gpu} is_set ': 1 });
  const [request] = nomad.received;
  assert.equal(`${request?.method} ${request?.path}`, 'POST /v1/job/paddock-gpu/plan');
  assert.deepEqual(request?.body, { Job: { ...job, ID: 'paddock-gpu' }, Diff: true });
});

test('dispatches with the payload as base64 of UTF-8, a token and a prefix', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('dispatch', 'dispatch-again');
  const order = { payload: '{"ä":1}', idempotencyToken: 'a b', idPrefix: 'x' };
  const first = await nomad.api.jobs.dispatch('paddock-default', order);
  assert.match(first.jobId, /^paddock-default\/dispatch-/);
  assert.match(first.evalId, /^[0-9a-f-]{36}$/);
  assert.equal(first.index, 13);
  const again = await nomad.api.jobs.dispatch('paddock-default', { payload: '' });
  assert.deepEqual(again, { ...first, evalId: '' });
  const [request, plain] = nomad.received;
  assert.equal(`${request?.method} ${request?.path}`, 'POST /v1/job/paddock-default/dispatch');
  assert.deepEqual(request?.query, { namespace: 'default', idempotency_token: 'a b' });
  assert.deepEqual(request?.body, { Payload: 'eyLDpCI6MX0=', IdPrefixTemplate: 'x' });
  assert.deepEqual(plain?.query, { namespace: 'default' });
  assert.deepEqual(plain?.body, { Payload: '' });
});

test('tells what is wrong with an order', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('dispatch-too-large', 'dispatch-none');
  await assert.rejects(
    nomad.api.jobs.dispatch('paddock-default', { payload: '' }),
    /Payload exceeds maximum/,
  );
  await assert.rejects(nomad.api.jobs.dispatch('none', { payload: '' }), /parameterized job not found/);
});

test('ends a dispatched job, whose id has a slash, and is content where it is gone', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('deregister', 'deregister-none', 'job-none');
  await nomad.api.jobs.deregister('paddock-default/dispatch-1-a', { purge: true });
  await nomad.api.jobs.deregister('none');
  await nomad.api.jobs.deregister('none');
  const [request, kept] = nomad.received;
  assert.equal(`${request?.method} ${request?.path}`, 'DELETE /v1/job/paddock-default%2Fdispatch-1-a');
  assert.equal(request?.query.purge, 'true');
  assert.equal(kept?.query.purge, 'false');
});

test('lists jobs by prefix with their parents and the index', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('jobs');
  const { jobs, index } = await nomad.api.jobs.list('paddock-');
  assert.ok(index > 0);
  const parents = jobs.map(({ ID, ParentID }) => [ID.replace(/\/.*/, '/…'), ParentID]);
  assert.deepEqual(parents, [
    ['paddock-default', ''],
    ['paddock-default/…', 'paddock-default'],
    ['paddock-gpu', ''],
    ['paddock-gpu/…', 'paddock-gpu'],
  ]);
  const [first] = jobs;
  assert.ok(first && first.SubmitTime > Date.UTC(2025) && first.SubmitTime < Date.UTC(2100), 'milliseconds');
  assert.deepEqual(nomad.received[0]?.query, { namespace: 'default', prefix: 'paddock-' });
});

test('reads from a blocked evaluation why a job waits', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('evaluations-blocked');
  const evaluations = await nomad.api.jobs.evaluations('paddock-gpu/dispatch-1-a');
  const blocked = evaluations.find(({ Status }) => Status === 'blocked');
  assert.equal(blocked?.FailedTGAllocs.executor?.NodesEvaluated, 1);
  assert.deepEqual(blocked?.FailedTGAllocs.executor?.ConstraintFiltered, { '${meta.gpu} is_set ': 1 });
  assert.deepEqual(blocked?.FailedTGAllocs.executor?.QuotaExhausted, []);
  assert.equal(nomad.received[0]?.path, '/v1/job/paddock-gpu%2Fdispatch-1-a/evaluations');
});

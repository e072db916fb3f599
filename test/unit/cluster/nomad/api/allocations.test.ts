import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NomadAllocations } from '../../../../../service/cluster/nomad/api/port.ts';
import { startFakeNomad } from './fake-nomad.ts';

const read = async (
  allocations: NomadAllocations,
  options: Partial<Parameters<NomadAllocations['logs']>[1]> = {},
  signal = new AbortController().signal,
): Promise<string> => {
  let text = '';
  const asked = { task: 'executor', type: 'stdout', follow: false, ...options } as const;
  for await (const part of allocations.logs('a-b', asked, signal)) text += part;
  return text;
};

test('lists allocations by the beginning of their job, with ports and task states', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('allocations');
  const { allocations, index } = await nomad.api.allocations.list('paddock-a.b/');
  const [first] = allocations;
  assert.equal(index, 16);
  assert.equal(first?.ClientStatus, 'running');
  assert.equal(first?.AllocatedResources?.Shared.Ports[0]?.Label, 'http');
  assert.equal(first?.AllocatedResources?.Shared.Ports[0]?.HostIP, '127.0.0.1');
  assert.equal(first?.TaskStates.executor?.State, 'running');
  assert.equal(first?.TaskStates.executor?.Events.at(-1)?.Type, 'Started');
  assert.ok(first && first.CreateTime < Date.UTC(2100), 'milliseconds');
  assert.deepEqual(nomad.received[0]?.query, {
    namespace: 'default',
    resources: 'true',
    task_states: 'true',
    filter: 'JobID matches "^paddock-a\\\\.b/"',
  });
});

test('reads one allocation, or says that there is none', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('allocation', 'allocation-none');
  const found = await nomad.api.allocations.get('a-b');
  assert.equal(found?.DesiredStatus, 'run');
  assert.equal(found?.NodeName, 'recorder');
  assert.equal(await nomad.api.allocations.get('none'), undefined);
  assert.equal(nomad.received[0]?.path, '/v1/allocation/a-b');
});

test('reads a log as plain text, from its beginning or its end', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('logs', 'logs', 'logs');
  assert.equal(await read(nomad.api.allocations), 'ready\n');
  await read(nomad.api.allocations, { type: 'stderr', tailBytes: 100 });
  await read(nomad.api.allocations, { tailBytes: 0 });
  const [whole, tail, nothing] = nomad.received;
  assert.equal(whole?.path, '/v1/client/fs/logs/a-b');
  assert.deepEqual(whole?.query, {
    namespace: 'default',
    task: 'executor',
    type: 'stdout',
    plain: 'true',
    follow: 'false',
    origin: 'start',
    offset: '0',
  });
  assert.deepEqual([tail?.query.type, tail?.query.origin, tail?.query.offset], ['stderr', 'end', '100']);
  assert.equal(nothing?.query.offset, '1');
});

test('tells that a task is unknown', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('logs-no-task');
  await assert.rejects(read(nomad.api.allocations), {
    name: 'NomadError',
    status: 400,
    message: /unknown task/,
  });
});

test('follows a log until it is told to stop, however long nothing is written', async () => {
  await using nomad = await startFakeNomad({ times: { timeoutMs: 50, silenceMs: 50 } });
  const stop = new AbortController();
  nomad.reply((response) => {
    // Later than any timeout of what is not followed.
    setTimeout(() => response.write('late'), 150);
  });
  const parts: string[] = [];
  const options = { task: 'executor', type: 'stdout', follow: true } as const;
  for await (const part of nomad.api.allocations.logs('a-b', options, stop.signal)) {
    parts.push(part.toString());
    stop.abort();
  }
  assert.deepEqual(parts, ['late']);
  assert.equal(nomad.received[0]?.query.follow, 'true');
});

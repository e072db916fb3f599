import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { z } from 'zod';
import type { EventBatch } from '../../../../../service/cluster/nomad/api/answers.ts';
import { splitLines } from '../../../../../service/cluster/nomad/api/events.ts';
import { type FakeNomad, recorded, startFakeNomad } from './fake-nomad.ts';

const recordedLines = z
  .array(z.unknown())
  .parse(JSON.parse(recorded('events').text))
  .map((line) => JSON.stringify(line));

/** Batches until `enough`, then the abort ends it. */
const take = async (nomad: FakeNomad, enough: number): Promise<EventBatch[]> => {
  const stop = new AbortController();
  const batches: EventBatch[] = [];
  for await (const batch of nomad.api.cluster.events(['Allocation', 'Job:paddock-default'], 7, stop.signal)) {
    batches.push(batch);
    if (batches.length === enough) stop.abort();
  }
  return batches;
};

test('reads recorded events, without the heartbeats, until the signal aborts', async () => {
  await using nomad = await startFakeNomad();
  const batches = recordedLines.filter((line) => line !== '{}').length;
  assert.ok(batches >= 5 && batches < recordedLines.length, 'the recording has events and a heartbeat');
  nomad.reply((response) => {
    response.write(`${recordedLines.join('\n')}\n`);
  });
  const found = await take(nomad, batches);
  assert.equal(found.length, batches);
  const types = found.flatMap(({ Events }) => Events.map(({ Topic, Type }) => `${Topic} ${Type}`));
  assert.ok(types.includes('Job JobRegistered'));
  assert.ok(types.includes('Allocation AllocationUpdated'));
  assert.ok(found.every(({ Index }) => Index > 0));
  const [request] = nomad.received;
  assert.equal(request?.path, '/v1/event/stream');
  assert.deepEqual(request?.query, {
    namespace: 'default',
    index: '7',
    topic: ['Allocation', 'Job:paddock-default'],
  });
});

test('rejects a stream that falls silent', async () => {
  await using nomad = await startFakeNomad({ times: { silenceMs: 100 } });
  nomad.reply((response) => {
    response.write(`${recordedLines[1]}\n`);
  });
  await assert.rejects(take(nomad, 2), { name: 'NomadError', message: /fell silent/ });
});

test('takes heartbeats for a sign of life', async () => {
  await using nomad = await startFakeNomad({ times: { silenceMs: 300 } });
  nomad.reply((response) => beat(response, 8));
  assert.equal((await take(nomad, 1)).length, 1);
});

/** Heartbeats over more than the time of silence, then an event. */
const beat = (response: ServerResponse, left: number): void => {
  response.write(left > 0 ? '{}\n' : `${recordedLines[1]}\n`);
  if (left > 0) setTimeout(() => beat(response, left - 1), 60);
};

test('rejects a stream that does not begin', async () => {
  await using nomad = await startFakeNomad({ times: { timeoutMs: 100 } });
  nomad.reply(() => {});
  await assert.rejects(take(nomad, 1), { name: 'NomadError' });
});

test('rejects a stream that Nomad ends, as it does at once where the token may not read', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('events-forbidden');
  await assert.rejects(take(nomad, 1), { name: 'NomadError', message: /ended the event stream.*read-job/ });
});

test('rejects a stream whose connection breaks', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply((response) => {
    response.write(`${recordedLines[1]}\n`);
    setImmediate(() => response.destroy());
  });
  await assert.rejects(take(nomad, 2), { name: 'NomadError', message: /connection to Nomad/ });
});

test('rejects lines that are no events', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply((response) => {
    response.write('<html>\n');
  });
  await assert.rejects(take(nomad, 1), { name: 'NomadError', message: /no JSON/ });
});

test('asks nothing where the signal has aborted already', async () => {
  await using nomad = await startFakeNomad();
  for await (const _ of nomad.api.cluster.events(['Job'], 0, AbortSignal.abort())) assert.fail();
  assert.equal(nomad.received.length, 0);
});

test('splits lines wherever parts end, within characters too', async () => {
  const bytes = Buffer.from('{"a":"ä€"}\n{}\n\nlast\nunfinished');
  for (let size = 1; size <= bytes.length; size++) {
    const lines: string[] = [];
    for await (const line of splitLines(partsOf(bytes, size))) lines.push(line);
    assert.deepEqual(lines, ['{"a":"ä€"}', '{}', '', 'last'], `parts of ${size} bytes`);
  }
});

async function* partsOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

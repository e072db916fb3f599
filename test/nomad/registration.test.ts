import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { type Installation, leads } from '../harness/nomad-paddock.ts';
import type { Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';

const nomad = useNomad({ nodes: [{ name: 'plain' }] });

const jobSchema = z.object({
  JobModifyIndex: z.number(),
  Version: z.number(),
  Stop: z.boolean(),
  TaskGroups: z.array(z.object({ Tasks: z.array(z.object({ Resources: z.object({ CPU: z.number() }) })) })),
});

describe('the jobs of pools', { skip: nomad.skip }, () => {
  let paddock: Installation;
  const plain = { name: 'plain', minimum: 1 };
  const spare = { name: 'spare', minimum: 0 };

  before(() => {
    paddock = nomad.install({ prefix: 'jobs', pools: [plain, spare] });
  });

  const job = async (pool: string) => jobSchema.parse(await nomad.cluster.get(`/v1/job/jobs-${pool}`));
  const cpu = async (pool: string): Promise<number | undefined> =>
    (await job(pool)).TaskGroups[0]?.Tasks[0]?.Resources.CPU;

  /** A dispatcher registers before it leads. */
  const lead = async (): Promise<Service> => {
    const service = await paddock.startDispatcher();
    await waitFor(() => leads(service.url), { what: 'it to lead', timeoutMs: 20_000 });
    return service;
  };

  test('are registered once: a dispatcher that starts again changes nothing', async () => {
    const first = await lead();
    const [executor] = await paddock.hasRunning('plain', 1);
    const before = [await job('plain'), await job('spare')];
    await first.stop();
    const second = await lead();
    assert.deepEqual([await job('plain'), await job('spare')], before);
    await second.stop();
    assert.deepEqual(
      (await paddock.running('plain')).map(({ ID }) => ID),
      [executor?.ID],
    );
  });

  test('follow the pools file: what has changed is updated, and what runs goes on', async () => {
    const [executor] = await paddock.hasRunning('plain', 1);
    const before = [await job('plain'), await job('spare')];
    paddock.writePools([{ ...plain, executor: { cpuMhz: 321 } }, spare]);
    const service = await lead();
    assert.equal(await cpu('plain'), 321);
    assert.ok((await job('plain')).JobModifyIndex > (before[0]?.JobModifyIndex ?? 0));
    assert.deepEqual(await job('spare'), before[1]);
    await service.stop();
    assert.deepEqual(
      (await paddock.running('plain')).map(({ ID }) => ID),
      [executor?.ID],
    );
  });

  test('are put back where somebody has changed or stopped them', async () => {
    const changed = z.object({ Job: z.record(z.string(), z.unknown()) }).parse({
      Job: await nomad.cluster.get('/v1/job/jobs-spare'),
    });
    const body = { Job: { ...changed.Job, Priority: 77 } };
    await nomad.cluster.get('/v1/jobs', { method: 'PUT', body });
    await nomad.cluster.get('/v1/job/jobs-plain', { method: 'DELETE' });
    assert.equal((await job('plain')).Stop, true);
    const service = await lead();
    assert.equal((await job('plain')).Stop, false);
    const priority = z.object({ Priority: z.number() }).parse(await nomad.cluster.get('/v1/job/jobs-spare'));
    assert.equal(priority.Priority, 50);
    await service.stop();
  });

  test('are shown and registered by the command line, as the dispatchers would', async () => {
    const before = await job('plain');
    assert.equal((await paddock.paddock('nomad', 'register', '--dry-run')).status, 0);
    paddock.writePools([{ ...plain, executor: { cpuMhz: 456 } }, spare]);
    const shown = await paddock.paddock('nomad', 'register', '--dry-run');
    assert.equal(shown.status, 1, shown.stderr);
    assert.match(shown.stdout, /CPU: +"321" => "456"/);
    assert.match(shown.stdout, /Pool spare is unchanged/);
    assert.deepEqual(await job('plain'), before, 'a dry run changes nothing');
    const applied = await paddock.paddock('nomad', 'register', '--apply');
    assert.equal(applied.status, 0, applied.stderr);
    const registered = [await job('plain'), await job('spare')];
    assert.equal(await cpu('plain'), 456);
    const service = await lead();
    assert.deepEqual([await job('plain'), await job('spare')], registered);
    await service.stop();
  });

  test('are told as faults of the pools file before anything is started', async () => {
    paddock.writePools([{ ...plain, minimum: 5, maximum: 2 }, plain]);
    await assert.rejects(
      paddock.startDispatcher(),
      ({ message }: Error) => /minimum/.test(message) && /names of pools must be distinct/.test(message),
    );
  });
});

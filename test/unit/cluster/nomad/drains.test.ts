import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NomadError } from '../../../../service/cluster/nomad/api/errors.ts';
import { followDrains } from '../../../../service/cluster/nomad/drains.ts';
import { createView } from '../../../../service/cluster/nomad/view.ts';
import { poolSpecSchema } from '../../../../service/contracts/pool.ts';
import { createHandClock } from '../../hand-clock.ts';
import { pass } from './fake-nomad.ts';

const node = (ID: string) => ({
  ...{ ID, Name: `name-of-${ID}`, Datacenter: 'dc1', NodeClass: '', NodePool: 'default', Status: 'ready' },
  ...{ Drain: true, SchedulingEligibility: 'ineligible' },
});

const running = (jobId: string, NodeID: string) => ({
  ...{
    ID: `allocation-of-${jobId}`,
    JobID: jobId,
    NodeID,
    NodeName: NodeID,
    ClientStatus: 'running' as const,
  },
  ...{
    ClientDescription: '',
    DesiredStatus: 'run' as const,
    DesiredDescription: '',
    CreateTime: 1,
    ModifyTime: 1,
  },
  ...{ ModifyIndex: 1, TaskStates: {}, AllocatedResources: undefined },
});

const prepared = () => {
  const clock = createHandClock();
  const specs = [poolSpecSchema.parse({ name: 'default' })];
  const view = createView('paddock', specs);
  view.allocation(running('paddock-default/dispatch-1-a', 'one'));
  view.allocation(running('paddock-default/dispatch-1-b', 'other'));
  const world = {
    leads: true,
    draining: ['one'],
    broken: false,
    asked: 0,
    retired: [] as string[],
    warned: 0,
  };
  const following = followDrains({
    nodes: {
      list: async () => [],
      find: async () => undefined,
      drain: async () => {},
      pools: async () => [],
      draining: async () => {
        world.asked++;
        if (world.broken) throw new NomadError('Permission denied', 403);
        return world.draining.map(node);
      },
    },
    engine: {
      ...{ specs, leads: () => world.leads, launched: view.launched, launch: async () => {} },
      retire: async (ids) => {
        world.retired.push(...ids);
        for (const id of ids) view.retiring(id, clock.epoch());
      },
    },
    ...{ view, clock, log: { info: () => {}, warn: () => world.warned++ } },
  });
  return { clock, world, following };
};

test('executors of a node that is drained are told to end, each once; those elsewhere stay', async () => {
  const { clock, world, following } = prepared();
  await pass(clock, 10_000);
  assert.deepEqual(world.retired, ['paddock-default/dispatch-1-a']);
  world.draining = [];
  await pass(clock, 10_000);
  assert.equal(world.retired.length, 1);
  following.stop();
});

test('who does not lead neither asks nor ends anything, and begins as soon as it leads', async () => {
  const { clock, world, following } = prepared();
  world.leads = false;
  await pass(clock, 10_000);
  const before = world.asked;
  await pass(clock, 10_000);
  assert.equal(world.asked, before);
  world.leads = true;
  world.draining = ['other'];
  await pass(clock, 3_000);
  assert.ok(world.retired.includes('paddock-default/dispatch-1-b'));
  following.stop();
});

test('a token that may not read nodes is told of once, and asked with seldom', async () => {
  const { clock, world, following } = prepared();
  world.broken = true;
  await pass(clock, 4_000);
  const { asked } = world;
  await pass(clock, 29_000);
  assert.ok(world.asked <= asked + 2, `${world.asked - asked} more requests`);
  assert.equal(world.warned, 1);
  following.stop();
});

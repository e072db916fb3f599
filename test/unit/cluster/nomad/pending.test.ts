import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { evaluationSchema, placementMetricsSchema } from '../../../../service/cluster/nomad/api/answers.ts';
import { reasonsOf } from '../../../../service/cluster/nomad/pending.ts';

/** Evaluations of a real Nomad 2.0.5 with one node, by what was made to be missing. */
const recorded = z
  .record(z.string(), evaluationSchema)
  .parse(JSON.parse(readFileSync(new URL('./answers/evaluations-failed.json', import.meta.url), 'utf8')));

const anywhere = { nodePool: 'default', datacenters: ['*'] };
const metrics = (given: object) => placementMetricsSchema.parse(given);

const expected: Record<string, string> = {
  'missing meta': 'no node has meta.gpu',
  'another value': 'no node has meta.rack = r 7',
  'older version': 'no node has attr.kernel.version >= 99.0',
  'attribute is set': 'every node has attr.kernel.name',
  'name does not match': 'no node has node.unique.name like /^gpu-/',
  'not contained': 'no node has avx512,amx in meta.features',
  'another architecture': 'no node has attr.cpu.arch = arm64',
  'another class': 'no node has node.class = big',
  'memory exhausted': 'memory is exhausted on 1 node',
  'cpu exhausted': 'CPU is exhausted on 1 node',
  'dynamic ports exhausted': 'no port is free on 1 node',
  'static port taken': 'port 28111 is taken on 1 node',
  'empty node pool': 'no node is ready in node pool empty',
  'missing driver': 'no node has the drivers it needs',
  'no such datacenter': 'no node is ready in node pool default, datacenter dc9',
  'missing device': 'no node has the devices it needs',
  'ineligible node': 'no node is ready in node pool default',
};

describe('why a real Nomad places nothing', () => {
  for (const [name, evaluation] of Object.entries(recorded))
    test(name, () => {
      const pool = {
        nodePool: name === 'empty node pool' ? 'empty' : 'default',
        datacenters: name === 'no such datacenter' ? ['dc9'] : ['*'],
      };
      const reasons = Object.values(evaluation.FailedTGAllocs).flatMap((found) => reasonsOf(found, pool));
      assert.deepEqual(reasons, [expected[name]]);
    });

  test('every recorded one has its text', () => {
    assert.deepEqual(Object.keys(recorded).sort(), Object.keys(expected).sort());
  });
});

describe('why nothing is placed on several nodes', () => {
  test('one lacks it, several lack it, one has what it may not have', () => {
    const reasons = reasonsOf(
      metrics({
        NodesEvaluated: 5,
        NodesAvailable: { dc1: 5 },
        ConstraintFiltered: {
          '${meta.gpu} is_set ': 2,
          '${meta.gpu} != false': 1,
          'missing drivers': 1,
        },
        DimensionExhausted: { memory: 1 },
      }),
      anywhere,
    );
    assert.deepEqual(reasons, [
      '2 of 5 nodes lack meta.gpu',
      '1 of 5 nodes has meta.gpu = false',
      '1 of 5 nodes lacks the drivers it needs',
      'memory is exhausted on 1 node',
    ]);
  });

  test('nodes that are like one that was looked at lack the same', () => {
    const alike = {
      NodesEvaluated: 3,
      NodesAvailable: { dc1: 3 },
      ConstraintFiltered: { '${meta.gpu} is_set ': 1, 'computed class ineligible': 2 },
    };
    assert.deepEqual(reasonsOf(metrics(alike), anywhere), ['no node has meta.gpu']);
    const mixed = { ...alike.ConstraintFiltered, '${meta.gpu} != false': 1 };
    assert.deepEqual(
      reasonsOf(metrics({ ...alike, NodesEvaluated: 4, ConstraintFiltered: mixed }), anywhere),
      ['some nodes lack meta.gpu', 'some nodes have meta.gpu = false'],
    );
    const only = { 'computed class ineligible': 3 };
    assert.deepEqual(reasonsOf(metrics({ ...alike, ConstraintFiltered: only }), anywhere), [
      "no node has what the pool's constraints ask for",
    ]);
  });

  test('what is exhausted is told for each, with how many nodes', () => {
    const DimensionExhausted = { memory: 3, cpu: 2, cores: 1, 'devices: no devices match request': 2 };
    assert.deepEqual(reasonsOf(metrics({ NodesEvaluated: 8, DimensionExhausted }), anywhere), [
      'memory is exhausted on 3 nodes',
      'CPU is exhausted on 2 nodes',
      'CPU cores are exhausted on 1 node',
      'devices: no devices match request (2 nodes)',
    ]);
    assert.deepEqual(reasonsOf(metrics({ NodesEvaluated: 1, NodesExhausted: 1 }), anywhere), [
      '1 node is full',
    ]);
    assert.deepEqual(reasonsOf(metrics({ NodesEvaluated: 2, NodesExhausted: 2 }), anywhere), [
      '2 nodes are full',
    ]);
    assert.deepEqual(reasonsOf(metrics({ NodesEvaluated: 1, QuotaExhausted: ['memory'] }), anywhere), [
      'the quota is exhausted: memory',
    ]);
  });

  test('several datacenters are named, and nothing is made up where nothing is told', () => {
    assert.deepEqual(reasonsOf(metrics({}), { nodePool: 'gpu', datacenters: ['dc1', 'dc2'] }), [
      'no node is ready in node pool gpu, datacenters dc1, dc2',
    ]);
    assert.deepEqual(reasonsOf(metrics({ NodesEvaluated: 1, NodesAvailable: { dc1: 1 } }), anywhere), []);
  });
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { poolsFileSchema } from '../../../service/contracts/pool.ts';
import { readHcl } from './hcl.ts';
import { nomad, withoutNomad } from './nomad-command.ts';

const folder = new URL('../../../nomad/', import.meta.url);
const filesIn = (path: string): string[] =>
  readdirSync(new URL(path, folder)).map((name) => `${path}/${name}`);

const examplePools = (): z.output<typeof poolsFileSchema> =>
  poolsFileSchema.parse(parseYaml(readFileSync(new URL('pools.example.yaml', folder), 'utf8')));

test('the example of a pools file is valid, and names node pools that are there', () => {
  const { pools } = examplePools();
  assert.deepEqual(
    pools.map(({ name }) => name),
    ['default', 'gpu', 'fpga', 'arm'],
  );
  const nodePools = ['default', ...filesIn('node-pools').map((path) => /([^/]+)\.hcl$/.exec(path)?.[1])];
  for (const pool of pools) assert.ok(nodePools.includes(pool.nodePool), pool.nodePool);
});

test('every file is HCL, and a node pool is called as its file', async () => {
  const paths = ['jobs', 'acl', 'node-pools', 'config'].flatMap(filesIn);
  for (const path of [...paths, 'namespace.hcl']) await readHcl(path);
  for (const path of filesIn('node-pools')) {
    const { node_pool } = z
      .object({ node_pool: z.record(z.string(), z.unknown()) })
      .parse(await readHcl(path));
    assert.deepEqual(
      Object.keys(node_pool).map((name) => `node-pools/${name}.hcl`),
      [path],
    );
  }
});

const capabilities = z.object({ capabilities: z.array(z.string()) });
const policySchema = z.strictObject({
  namespace: z.strictObject({
    default: z.tuple([
      capabilities.extend({
        variables: z.tuple([z.object({ path: z.record(z.string(), z.tuple([capabilities])) })]).optional(),
      }),
    ]),
  }),
  node: z.tuple([z.object({ policy: z.string() })]).optional(),
  node_pool: z.unknown().optional(),
  agent: z.tuple([z.object({ policy: z.string() })]).optional(),
});

const readPolicy = async (name: string) => {
  const policy = policySchema.parse(await readHcl(`acl/${name}.policy.hcl`));
  const [namespace] = policy.namespace.default;
  const paths = Object.entries(namespace.variables?.[0].path ?? {});
  return {
    capabilities: namespace.capabilities,
    variables: Object.fromEntries(paths.map(([path, [{ capabilities: may }]]) => [path, may])),
    node: policy.node?.[0].policy,
    agent: policy.agent?.[0].policy,
  };
};

test('dispatchers may do with jobs what they do, look at nodes, and have nothing to do with agents, logs or shells', async () => {
  const { capabilities: may, variables, node, agent } = await readPolicy('dispatcher');
  const needed = ['list-jobs', 'read-job', 'plan-job', 'register-job', 'dispatch-job'];
  assert.deepEqual(may.toSorted(), [...needed, 'deregister-job', 'purge-job'].toSorted());
  assert.deepEqual(variables, { 'paddock/*': ['read', 'write', 'list'], 'paddock/tokens': ['read'] });
  assert.deepEqual([node, agent], ['read', undefined]);
});

test('operators may not register jobs, nor read the key that tokens are signed with', async () => {
  const { capabilities: may, variables } = await readPolicy('operator');
  for (const right of ['submit-job', 'register-job', 'dispatch-job', 'purge-job'])
    assert.ok(!may.includes(right), right);
  assert.deepEqual(Object.keys(variables), ['paddock/leader', 'paddock/tokens']);
});

test('viewers may only read', async () => {
  const { capabilities: may, variables, node, agent } = await readPolicy('viewer');
  assert.deepEqual(may, ['list-jobs', 'read-job', 'read-logs']);
  assert.deepEqual(variables, {});
  assert.deepEqual([node, agent], ['read', 'read']);
});

const jobs: Readonly<Record<string, readonly string[]>> = {
  'jobs/dispatcher.nomad.hcl': ['-var=pools_file=nomad/pools.example.yaml', '-var=port=7070'],
  'jobs/executor-pool.nomad.hcl': [],
  'jobs/executor-pool-docker.nomad.hcl': ['-var=image=example.org/paddock:1'],
};

/** An executor's identity is in a variable, which is never renewed and so must not expire (cluster/nomad/job-spec.ts). */
const knownWarnings = [
  'Identity[paddock] identities without an expiration are insecure',
  'Identity[paddock] using env=true without change_mode="restart" may result in task not getting updated identity',
];

test('Nomad takes every job file, and warns of nothing but what is meant', { skip: withoutNomad }, () => {
  assert.deepEqual(
    filesIn('jobs').filter((path) => path.endsWith('.nomad.hcl')),
    Object.keys(jobs).toSorted(),
  );
  for (const [path, flags] of Object.entries(jobs)) {
    const { status, stdout, stderr } = nomad('job', 'validate', ...flags, `nomad/${path}`);
    assert.equal(status, 0, `${path}: ${stdout}${stderr}`);
    const said = stdout + stderr;
    // Lines above those of the warnings only count them, or say whose they are.
    const warnings = [...said.matchAll(/^\s*\* (.*)$/gm)].flatMap(([, text = '']) =>
      /errors? occurred:$/.test(text) ? [] : [text],
    );
    assert.deepEqual(warnings, path.includes('executor-pool') ? knownWarnings : [], said);
    if (warnings.length === 0) assert.doesNotMatch(said, /warning/i);
  }
});

test('Nomad takes the configuration of servers and clients', { skip: withoutNomad }, () => {
  for (const path of filesIn('config')) {
    const { status, stdout, stderr } = nomad('config', 'validate', `nomad/${path}`);
    assert.equal(status, 0, `${path}: ${stdout}${stderr}`);
  }
});

test('all is laid out as nomad fmt does it', { skip: withoutNomad }, () => {
  const { status, stdout, stderr } = nomad('fmt', '-check', '-list', '-recursive', 'nomad');
  assert.equal(status, 0, `nomad fmt -recursive nomad would change: ${stdout}${stderr}`);
});

const dispatcherSchema = z.object({
  TaskGroups: z.tuple([
    z.looseObject({
      Count: z.number(),
      Services: z.tuple([
        z.looseObject({ Provider: z.string(), Checks: z.tuple([z.looseObject({ Path: z.string() })]) }),
      ]),
      Tasks: z.tuple([
        z.looseObject({
          Env: z.record(z.string(), z.string()),
          Templates: z.array(z.looseObject({ EmbeddedTmpl: z.string(), DestPath: z.string() })),
        }),
      ]),
    }),
  ]),
});

test('the dispatchers job brings the pools file along, and asks Nomad as itself', {
  skip: withoutNomad,
}, () => {
  const path = 'nomad/jobs/dispatcher.nomad.hcl';
  const read = (...flags: string[]) => {
    const { stdout, stderr, status } = nomad('job', 'run', '-output', ...flags, path);
    assert.equal(status, 0, stderr);
    return z.object({ Job: dispatcherSchema }).parse(JSON.parse(stdout)).Job.TaskGroups[0];
  };
  const poolsIn = (group: ReturnType<typeof read>) =>
    poolsFileSchema.parse(
      parseYaml(group.Tasks[0].Templates.find(({ DestPath }) => /pools/.test(DestPath))?.EmbeddedTmpl ?? ''),
    );
  const usual = read();
  assert.deepEqual(
    poolsIn(usual).pools.map(({ name }) => name),
    ['default'],
  );
  assert.deepEqual(poolsIn(read('-var=pools_file=nomad/pools.example.yaml')), examplePools());
  assert.equal(usual.Count, 2);
  assert.equal(usual.Services[0].Provider, 'nomad');
  assert.equal(usual.Services[0].Checks[0].Path, '/readyz');
  assert.equal(usual.Tasks[0].Env.NOMAD_ADDR, 'unix://${NOMAD_SECRETS_DIR}/api.sock');
  assert.equal(usual.Tasks[0].Env.PADDOCK_CLUSTER, 'nomad');
});

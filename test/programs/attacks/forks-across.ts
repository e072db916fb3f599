import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { ExecutionRequestInput } from '../../../service/contracts/execution.ts';
import { execute, executorsOf, run } from '../../harness/client.ts';
import { isAlive } from '../../harness/processes.ts';
import type { Service } from '../../harness/start-service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { Attack } from '../attack.ts';
import { brokenLines, heldCount, sourceOf } from '../source.ts';
import { serversOf } from '../way.ts';

const python = (program: string, ...args: string[]): ExecutionRequestInput => ({
  runtime: 'python',
  code: sourceOf(program),
  args,
});

/** Several servers take turns at random: after so many runs the one that forked the first has had its turn again. */
const ROUNDS = 8;

/** Text that must be there in all runs, and text that no two may share. */
const randomSchema = z.object({
  seed: z.number(),
  order: z.array(z.string()),
  random: z.number(),
  system: z.number(),
  secrets: z.string(),
  urandom: z.string(),
  ssl: z.string(),
  uuid1: z.string(),
  uuid4: z.string(),
  temporary: z.string(),
});
const neverTwice = ['random', 'system', 'secrets', 'urandom', 'ssl', 'uuid1', 'uuid4', 'temporary'] as const;
const MOST_RUNS = 60;
const LEAST_RUNS = 12;

const randomFaults = async (service: Service): Promise<string[]> => {
  const seen: z.infer<typeof randomSchema>[] = [];
  const distinct = (name: keyof z.infer<typeof randomSchema>): number =>
    new Set(seen.map((one) => JSON.stringify(one[name]))).size;
  // Forks of one interpreter share these two, so that several have to take turns; the first one is alone for a moment.
  const varied = (): boolean => distinct('seed') > 1 && distinct('order') > 1;
  while (seen.length < LEAST_RUNS || (seen.length < MOST_RUNS && !varied())) {
    const result = await run(service.url, python('forks-random.py'));
    seen.push(randomSchema.parse(JSON.parse(result.run?.stdout ?? '')));
  }
  return [
    ...neverTwice
      .filter((name) => distinct(name) < seen.length)
      .map((name) => `${name}: ${distinct(name)} values in ${seen.length} runs`),
    ...(varied() ? [] : [`seeds: ${distinct('seed')}, orders of a set: ${distinct('order')}`]),
  ];
};

const counters = async (service: Service): Promise<{ forked: number; fallbacks: number }> => {
  const all = (await executorsOf(service.url)).map((status) => status.counters);
  return {
    forked: all.reduce((sum, { sandboxesForked }) => sum + sandboxesForked, 0),
    fallbacks: all.reduce((sum, { forkFallbacks }) => sum + forkFallbacks, 0),
  };
};

/** Does `harm` and asserts that the same servers make sandboxes before and after. */
const unharmed = async (service: Service, harm: () => Promise<unknown>): Promise<string[]> => {
  const [servers, before] = [serversOf(service), await counters(service)];
  await harm();
  for (let round = 0; round < ROUNDS; round++) {
    const { run: stage } = await run(service.url, { runtime: 'python', code: 'print(6 * 7)' });
    if (stage?.stdout !== '42\n') return [`afterwards: ${stage?.outcome} ${stage?.stderr}`];
  }
  const gone = servers.filter((pid) => !isAlive(pid));
  // The service asks a busy executor for its counters every two seconds only.
  const risen = async () => (await counters(service)).forked > before.forked;
  await waitFor(risen, { what: 'another fork', timeoutMs: 5_000 }).catch(() => {});
  const after = await counters(service);
  return [
    ...(gone.length > 0 ? [`fork servers are gone: ${gone}`] : []),
    ...(servers.length > 1 ? [] : [`${servers.length} fork servers at first`]),
    ...(after.forked > before.forked ? [] : ['nothing was forked afterwards']),
    ...(after.fallbacks === before.fallbacks ? [] : ['not all sandboxes were forked']),
  ];
};

const bombs: readonly ExecutionRequestInput[] = [
  python('fork-bomb.py'),
  python('memory-many.py'),
  python('thread-bomb.py'),
  python('memory-heap.py'),
  python('memory-tmpfs.py'),
  python('inode-fill.py'),
  { runtime: 'c', code: sourceOf('fork-bomb.c') },
  { runtime: 'c', code: sourceOf('zombies.c') },
];

/** What one run leaves and the next may find, where both are forked from the same server. */
export const forksAcross: readonly Attack[] = [
  {
    name: 'forks-state-across-runs',
    runtimes: ['python'],
    maxMs: 30_000,
    async run(service) {
      const look = async (): Promise<string> =>
        (await run(service.url, python('forks-state.py', 'look'))).run?.stdout ?? '';
      const faults: string[] = [];
      const first = await look();
      for (let round = 0; round < ROUNDS; round++) {
        const left = await run(service.url, python('forks-state.py', 'leave'));
        if (left.run?.stdout !== 'left\n' || left.run.outcome !== 'ok') {
          faults.push(`nothing was left: ${left.run?.outcome} ${left.run?.stderr}`);
        }
        const next = await look();
        if (next !== first || first === '') faults.push(`round ${round}: ${next} instead of ${first}`);
      }
      return { outcome: 'ok', faults };
    },
  },
  {
    name: 'forks-memory-across-runs',
    runtimes: ['python'],
    maxMs: 30_000,
    async run(service) {
      const faults: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const trace = `TRACE-${randomBytes(12).toString('hex')}`;
        const leave = await run(service.url, {
          ...python('forks-memory.py', 'leave', trace),
          env: { TRACE: `${trace}-left`.repeat(50) },
          stdin: `${trace}-left`.repeat(50),
        });
        const look = await run(service.url, python('forks-memory.py', 'look', ''));
        for (const { run: stage } of [leave, look]) {
          const text = stage?.stdout ?? '';
          faults.push(...brokenLines(text));
          if (heldCount(text) === 0) faults.push(`no answer: ${stage?.outcome} ${stage?.stderr.slice(-300)}`);
        }
      }
      return { outcome: 'ok', faults };
    },
  },
  {
    name: 'forks-random-across-runs',
    runtimes: ['python'],
    maxMs: 30_000,
    run: async (service) => ({ outcome: 'ok', faults: await randomFaults(service) }),
  },
  {
    name: 'forks-bombs-in-parallel',
    runtimes: ['python', 'c'],
    ways: ['forked'],
    maxMs: 60_000,
    run: async (service) => ({
      outcome: 'ok',
      faults: await unharmed(service, () =>
        Promise.all(bombs.map((bomb) => execute(service.url, { ...bomb, limits: { wallMs: 5_000 } }))),
      ),
    }),
  },
  {
    name: 'forks-many-at-once',
    runtimes: ['python', 'bash'],
    ways: ['forked'],
    maxMs: 60_000,
    run: async (service) => ({
      outcome: 'ok',
      faults: await unharmed(service, () =>
        Promise.all(
          Array.from({ length: 80 }, (_, index) =>
            run(service.url, {
              runtime: index % 2 ? 'bash' : 'python',
              code: index % 2 ? 'kill -9 -1' : 'import os\nos.kill(-1, 9)',
            }),
          ),
        ),
      ),
    }),
  },
  {
    name: 'forks-callers-who-leave',
    runtimes: ['python', 'bash'],
    ways: ['forked'],
    maxMs: 60_000,
    // Their sandboxes are taken down at any moment of their making and their run.
    run: async (service) => ({
      outcome: 'ok',
      faults: await unharmed(service, async () => {
        const callers = Array.from({ length: 60 }, (_, index) =>
          execute(
            service.url,
            { runtime: index % 2 ? 'bash' : 'python', code: index % 2 ? 'sleep 5' : 'while True: pass' },
            AbortSignal.timeout(5 + index * 20),
          ).catch(() => undefined),
        );
        await Promise.all(callers);
        await waitFor(async () => (await executorsOf(service.url)).every(({ running }) => running === 0), {
          what: 'everything to have ended',
        });
      }),
    }),
  },
];

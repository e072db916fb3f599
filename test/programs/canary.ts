import { z } from 'zod';
import { execute } from '../harness/client.ts';
import { sourceOf } from './source.ts';

const canarySchema = z.object({
  work: z.array(z.string()),
  tmp: z.array(z.string()),
  shm: z.array(z.string()),
  mqueue: z.array(z.string()),
  env: z.array(z.string()),
  marker: z.string().nullable(),
  args: z.array(z.string()),
  stdin: z.string(),
  uid: z.int(),
  namespace: z.string(),
  cwd: z.string(),
  ipc: z.array(z.int()),
  processes: z.int(),
});

/** An honest program that runs after an attack and looks whether anything is other than it should be. */
export const canaryFaults = async (url: string): Promise<string[]> => {
  const marker = crypto.randomUUID();
  const answer = await execute(url, {
    runtime: 'python',
    code: sourceOf('canary.py'),
    args: ['one', 'two words'],
    stdin: marker,
    env: { CANARY: marker },
  });
  if (!answer.ok) return [`canary: status ${answer.status} ${answer.problem.detail ?? answer.problem.title}`];
  const stage = answer.result.run;
  if (stage?.outcome !== 'ok' || stage.stderr !== '') {
    return [`canary: ${stage?.outcome} ${stage?.stderr.slice(0, 300)} ${stage?.message ?? ''}`];
  }
  let seen: z.infer<typeof canarySchema>;
  try {
    seen = canarySchema.parse(JSON.parse(stage.stdout));
  } catch {
    return [`canary: foreign output ${JSON.stringify(stage.stdout.slice(0, 200))}`];
  }
  const claims: readonly (readonly [boolean, string])[] = [
    [seen.work.length === 1, `/work holds ${seen.work.join(' ')}`],
    [seen.tmp.length === 0, `/tmp holds ${seen.tmp.join(' ')}`],
    [seen.shm.length === 0, `/dev/shm holds ${seen.shm.join(' ')}`],
    [seen.mqueue.length === 0, `/dev/mqueue holds ${seen.mqueue.join(' ')}`],
    [seen.ipc.every((count) => count === 0), `ipc objects ${seen.ipc.join(' ')}`],
    [seen.marker === marker && seen.stdin === marker, 'stdin or environment of another'],
    [seen.args.join() === 'one,two words', `arguments ${seen.args.join()}`],
    [seen.uid === 1_000 && seen.cwd === '/work', `uid ${seen.uid} in ${seen.cwd}`],
    [seen.processes <= 4, `${seen.processes} processes in sight`],
    [
      !seen.env.some((name) => /SENTINEL|SECRET|TOKEN|PADDOCK/.test(name)),
      `environment ${seen.env.join(' ')}`,
    ],
    [answer.ms < 10_000, `it took ${Math.round(answer.ms)} ms`],
  ];
  return claims.filter(([good]) => !good).map(([, what]) => `canary: ${what}`);
};

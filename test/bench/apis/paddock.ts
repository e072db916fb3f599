import { z } from 'zod';
import type { Program } from '../programs.ts';
import { type Ask, type OpenApi, parseJson } from './api.ts';

const answerSchema = z.object({ run: z.object({ outcome: z.string(), stdout: z.string() }) });

export const askPaddock = (program: Program, token?: string): Ask => ({
  path: '/v1/executions',
  headers: token ? { authorization: `Bearer ${token}` } : {},
  body: (salt) =>
    JSON.stringify({ runtime: program.runtime, version: program.version, code: program.source(salt) }),
  fault: (status, body) => {
    const answer = answerSchema.safeParse(parseJson(body));
    if (status !== 200 || !answer.success) return 'no result of an execution';
    const { outcome, stdout } = answer.data.run;
    return outcome === 'ok' && stdout === program.stdout ? undefined : 'a program did not end as it should';
  },
});

export const openPaddock: OpenApi = (_base, token) => ({
  name: 'paddock',
  ask: async (program) => askPaddock(program, token),
});

import { z } from 'zod';
import type { Program } from '../programs.ts';
import { Skip } from '../scenario.ts';
import { type Ask, getJson, type OpenApi, parseJson } from './api.ts';

const languagesSchema = z.array(z.object({ id: z.number(), name: z.string() }));
const answerSchema = z.object({ stdout: z.string().nullable(), status: z.object({ id: z.number() }) });

const ACCEPTED = 3;

/** Judge0 names a language with its version: `Python (3.8.1)`, `C++ (GCC 9.2.0)`. */
const names: Record<string, RegExp> = {
  python: /^Python \(3/,
  javascript: /^JavaScript \(/,
  java: /^Java \(/,
  'c++': /^C\+\+ \(/,
};

const newest = <T extends { readonly name: string }>(all: readonly T[]): T | undefined =>
  [...all].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })).at(-1);

const askFor = (program: Program, language: number, headers: Record<string, string>): Ask => ({
  path: '/submissions?base64_encoded=false&wait=true',
  headers,
  body: (salt) => JSON.stringify({ language_id: language, source_code: program.source(salt) }),
  fault: (status, body) => {
    const answer = answerSchema.safeParse(parseJson(body));
    if ((status !== 200 && status !== 201) || !answer.success) return 'no result of an execution';
    const { status: verdict, stdout } = answer.data;
    return verdict.id === ACCEPTED && stdout === program.stdout
      ? undefined
      : 'a program did not end as it should';
  },
});

export const openJudge0: OpenApi = (base, token) => {
  const headers: Record<string, string> = token ? { 'x-auth-token': token } : {};
  return {
    name: 'judge0',
    async ask(program) {
      const languages = languagesSchema.parse(await getJson(`${base}/languages`, headers));
      const pattern = names[program.runtime];
      const found = newest(languages.filter(({ name }) => pattern?.test(name)));
      if (!found) throw new Skip(`this Judge0 has no ${program.runtime}`);
      return askFor(program, found.id, headers);
    },
  };
};

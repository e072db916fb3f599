import { z } from 'zod';
import type { Program } from '../programs.ts';
import { Skip } from '../scenario.ts';
import { type Ask, getJson, type OpenApi, parseJson } from './api.ts';

/** Version 2 of Piston's interface, below the path that its own server has it at. */
const PREFIX = '/api/v2';

const runtimesSchema = z.array(
  z.object({ language: z.string(), version: z.string(), aliases: z.array(z.string()).default([]) }),
);
const stageSchema = z.object({ code: z.number().nullish(), stdout: z.string() });
const answerSchema = z.object({ run: stageSchema });

const askFor = (program: Program, language: string, headers: Record<string, string>): Ask => ({
  path: `${PREFIX}/execute`,
  headers,
  body: (salt) =>
    JSON.stringify({
      language,
      version: '*',
      files: [{ name: program.fileName, content: program.source(salt) }],
    }),
  fault: (status, body) => {
    const answer = answerSchema.safeParse(parseJson(body));
    if (status !== 200 || !answer.success) return 'no result of an execution';
    const { code, stdout } = answer.data.run;
    return code === 0 && stdout === program.stdout ? undefined : 'a program did not end as it should';
  },
});

export const openPiston: OpenApi = (base, token) => {
  const headers: Record<string, string> = token ? { authorization: token } : {};
  return {
    name: 'piston',
    async ask(program) {
      const runtimes = runtimesSchema.parse(await getJson(`${base}${PREFIX}/runtimes`, headers));
      const found = runtimes.find(
        ({ language, aliases }) => language === program.runtime || aliases.includes(program.runtime),
      );
      if (!found) throw new Skip(`this Piston has no ${program.runtime}`);
      return askFor(program, found.language, headers);
    },
  };
};

import { z } from 'zod';
import { bareElsewhere, type Program } from '../programs.ts';
import { Skip } from '../scenario.ts';
import { type Ask, getJson, type OpenApi, parseJson } from './api.ts';

const answerSchema = z
  .array(z.object({ status: z.string(), files: z.object({ stdout: z.string() }).optional() }))
  .length(1);

const SECOND_NS = 1e9;
const MOST_OUTPUT = 64 * 1024;
/** The path of a distribution: what lies there is mounted for programs. */
const PATH = 'PATH=/usr/local/bin:/usr/bin:/bin';

/** One command in a shell, so that compiling and running is one request, as it is for the others. */
const bodyFor = (command: string, files: Record<string, string>): string =>
  JSON.stringify({
    cmd: [
      {
        args: command.includes('&&') ? ['/bin/sh', '-c', command] : command.split(' '),
        env: [PATH, 'HOME=/tmp'],
        files: [{ content: '' }, { name: 'stdout', max: MOST_OUTPUT }, { name: 'stderr', max: MOST_OUTPUT }],
        cpuLimit: 20 * SECOND_NS,
        clockLimit: 40 * SECOND_NS,
        memoryLimit: 1024 * 1024 * 1024,
        procLimit: 64,
        copyIn: Object.fromEntries(Object.entries(files).map(([name, content]) => [name, { content }])),
      },
    ],
  });

const faultOf = (expected: string, status: number, body: string): string | undefined => {
  const answer = answerSchema.safeParse(parseJson(body));
  const [result] = answer.data ?? [];
  if (status !== 200 || !result) return 'no result of an execution';
  return result.status === 'Accepted' && result.files?.stdout === expected
    ? undefined
    : 'a program did not end as it should';
};

const askFor = (program: Program, command: string, headers: Record<string, string>): Ask => ({
  path: '/run',
  headers,
  body: (salt) => bodyFor(command, { [program.fileName]: program.source(salt) }),
  fault: (status, body) => faultOf(program.stdout, status, body),
});

/** go-judge has no languages, only commands: the ones that a person would run by hand, with the tools it has. */
export const openGoJudge: OpenApi = (base, token) => {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  return {
    name: 'go-judge',
    async ask(program) {
      await getJson(`${base}/version`, headers);
      const ask = askFor(program, bareElsewhere(program), headers);
      const fault = await tryOnce(base, ask);
      if (fault !== undefined) throw new Skip(`this go-judge does not run ${program.runtime}: ${fault}`);
      return ask;
    },
  };
};

/** Its tools are whatever its machine has: the answer to a first program tells. */
const tryOnce = async (base: string, ask: Ask): Promise<string | undefined> => {
  const response = await fetch(`${base}${ask.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...ask.headers },
    body: ask.body('0'),
  });
  const text = await response.text();
  return ask.fault(response.status, text) === undefined ? undefined : text.slice(0, 300);
};

import { executionResultSchema } from '../contracts/execution.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import { runtimesResponseSchema } from '../contracts/service.ts';
import type { CliContext } from './context.ts';
import { decodeBytes } from './run/program-files.ts';
import { createServiceClient, parseAnswer } from './service-client.ts';
import { formatDuration } from './table.ts';

interface Program {
  readonly runtime: string;
  readonly code: string;
  /** A shorter one for the curl example: no quotes in it. */
  readonly tryNext: string;
}

const programs: readonly Program[] = [
  {
    runtime: 'python',
    code: "print('Hello from a sandbox:', sum(n * n for n in range(10)))",
    tryNext: 'print(6 * 7)',
  },
  {
    runtime: 'javascript',
    code: "console.log('Hello from a sandbox:', [...Array(10).keys()].reduce((a, n) => a + n * n))",
    tryNext: 'console.log(6 * 7)',
  },
  { runtime: 'bash', code: 'echo "Hello from a sandbox: $((7 * 41 - 2))"', tryNext: 'echo $((6 * 7))' },
];

/** After a start: runs a first program through the service's own API, and tells what to try next. */
export const sayHello = async (context: CliContext, url: string): Promise<void> => {
  const client = await createServiceClient(context, { url });
  const { runtimes } = await client.get('/v1/runtimes', runtimesResponseSchema);
  const available = runtimes.filter((runtime) => runtime.available);
  const program = programs.find(({ runtime }) => available.some((known) => known.name === runtime));
  if (!program) {
    context.stderr.write(`Paddock is ready at ${url}, but no runtime is available: see paddock doctor.\n`);
    return;
  }
  const started = context.now();
  const { runtime, code } = program;
  const response = await client.execute({ runtime, code }, 'application/json');
  const result = parseAnswer(executionResultSchema, await response.json(), url, 1);
  const took = formatDuration(context.now() - started);
  const output = result.run ? decodeBytes(result.run.stdout, result.run.stdoutEncoding).toString('utf8') : '';
  const ended = result.run && result.run.outcome !== 'ok' ? ` [${result.run.outcome}]` : '';
  context.stdout.write(
    `\nA first program, in ${result.runtime} ${result.version}:\n\n  ${code}\n\nIts result, after ${took}${ended}:\n\n${indent(output)}\n${nextSteps(url, program, available)}`,
  );
};

const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ');

const nextSteps = (url: string, { runtime, tryNext }: Program, available: readonly RuntimeInfo[]): string => {
  const names = [...new Set(available.map((known) => known.name))].join(', ');
  return `Paddock is ready at ${url} with ${names}.

Try next, in another terminal:
  curl -s ${url}/v1/executions -H 'content-type: application/json' \\
    -d '{"runtime": "${runtime}", "code": "${tryNext}"}'
  ./scripts/paddock run FILE       runs a program of yours
  ./scripts/paddock --help         shows everything else
  ${url}/docs    is the API's reference

Ctrl-C ends it.
`;
};

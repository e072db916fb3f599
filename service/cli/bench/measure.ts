import { executionResultSchema } from '../../contracts/execution.ts';
import { runtimesResponseSchema } from '../../contracts/service.ts';
import { type CliContext, CliError, UsageError } from '../context.ts';
import { parseCount, parseDuration, single } from '../option-values.ts';
import { startProgress } from '../progress.ts';
import { createServiceClient, parseAnswer } from '../service-client.ts';
import { type ServiceOptions, serviceToken, serviceUrl } from '../service-options.ts';
import { formatDuration } from '../table.ts';
import { type BenchProgram, chooseProgram, type ProgramOptions } from './choose-program.ts';
import { createJudge, type Judge } from './judge.ts';
import type { GenerateLoad, LoadDone, LoadOrder } from './load.ts';
import { type BenchReport, figuresOf, printReport } from './print-report.ts';

export interface BenchOptions extends ServiceOptions, ProgramOptions {
  connections?: string | undefined;
  duration?: string | undefined;
  warmUp?: string | undefined;
  rate?: string | undefined;
  expect?: string | undefined;
  anyOutput?: boolean | undefined;
  json?: boolean | undefined;
}

interface Plan {
  readonly connections: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly rate: number | undefined;
}

const DEFAULT_CONNECTIONS = 8;
const MOST_CONNECTIONS = 1_000;
const DEFAULT_DURATION_MS = 10_000;
const DEFAULT_WARM_UP_MS = 2_000;
/** As long as the service itself lets an execution wait. */
const ANSWER_TIMEOUT_MS = 120_000;
/** A program that prints something else each time would fill pages. */
const MOST_REASONS = 8;
/** A service that is gone is tried no longer than this. */
const MOST_FAULTS = 20;

/** `paddock bench`: answers 1 where an answer was not what the program should give, or none came. */
export const measure = async (
  context: CliContext,
  generate: GenerateLoad,
  options: BenchOptions,
): Promise<number> => {
  const plan = planOf(options);
  const client = await createServiceClient(context, options);
  const { runtimes } = await client.get('/v1/runtimes', runtimesResponseSchema);
  const program = await chooseProgram(context, options, runtimes);
  const first = await firstExecution(client, program, serviceUrl(context, options));
  const expected = options.anyOutput ? undefined : (expectedOf(options) ?? first.stdout);
  const judge = createJudge(expected);
  const fault = judge(200, first.body);
  if (fault) throw new CliError(`the program does not do what it should: ${fault}`);
  const order = await orderOf(context, options, plan, program);

  const measured = await underWay(context, plan, async () => {
    const wrong: Wrong = {};
    // What goes wrong while the service warms up has gone wrong as well.
    if (plan.warmUpMs > 0) await drive(generate, { ...order, durationMs: plan.warmUpMs }, judge, wrong);
    return drive(generate, order, judge, wrong);
  });
  const report = reportOf(serviceUrl(context, options), first.runtime, plan, measured);
  if (options.json) context.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else printReport(context, report);
  return report.executions === 0 || Object.keys(report.wrong).length > 0 ? 1 : 0;
};

const underWay = async <T>(context: CliContext, plan: Plan, work: () => Promise<T>): Promise<T> => {
  const progress = startProgress(context, `measuring for ${formatDuration(plan.warmUpMs + plan.durationMs)}`);
  try {
    const done = await work();
    context.signal.throwIfAborted();
    return done;
  } finally {
    progress.stop();
  }
};

const reportOf = (
  url: string,
  runtime: string,
  plan: Plan,
  { latencies, wrong, done }: Measured,
): BenchReport => ({
  url,
  runtime,
  connections: plan.connections,
  rate: plan.rate ?? null,
  durationMs: Math.round(done.elapsedMs),
  executions: latencies.length,
  perSecond: (latencies.length * 1_000) / done.elapsedMs,
  ...figuresOf(latencies),
  wrong,
  unsent: done.unsent,
});

const planOf = (options: BenchOptions): Plan => {
  const connections =
    options.connections === undefined
      ? DEFAULT_CONNECTIONS
      : parseCount('--connections', options.connections);
  if (connections > MOST_CONNECTIONS)
    throw new UsageError(`--connections ${connections} is too many; at most ${MOST_CONNECTIONS} are opened`);
  if (options.anyOutput && options.expect !== undefined)
    throw new UsageError('give either --expect or --any-output, one of the two');
  const warmUp = options.warmUp === undefined ? undefined : single('--warm-up', options.warmUp);
  return {
    connections,
    durationMs:
      options.duration === undefined ? DEFAULT_DURATION_MS : parseDuration('--duration', options.duration),
    warmUpMs:
      warmUp === undefined ? DEFAULT_WARM_UP_MS : warmUp === '0' ? 0 : parseDuration('--warm-up', warmUp),
    rate: options.rate === undefined ? undefined : parseCount('--rate', options.rate),
  };
};

const expectedOf = ({ expect }: BenchOptions): string | undefined => {
  if (expect !== undefined && typeof expect !== 'string') throw new UsageError('give --expect once');
  return expect;
};

type ServiceClient = Awaited<ReturnType<typeof createServiceClient>>;

/** One execution before any load: what the service says against the program is told in full. */
const firstExecution = async (client: ServiceClient, program: BenchProgram, url: string) => {
  const response = await client.execute(program.request(0), 'application/json');
  const body = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    json = undefined;
  }
  const result = parseAnswer(executionResultSchema, json, url, 1);
  const stage = result.run ?? result.compile;
  if (stage && stage.outcome !== 'ok') {
    const said = `${stage.stderr || stage.stdout}`.trimEnd();
    throw new CliError(
      `the program does not end well (${result.run ? '' : 'compiling it: '}${stage.outcome})${said && `:\n${said}`}`,
    );
  }
  return { body, stdout: result.run?.stdout ?? '', runtime: `${result.runtime} ${result.version}` };
};

type Order = Omit<LoadOrder, 'onAnswer' | 'onFault'>;

const orderOf = async (
  context: CliContext,
  options: BenchOptions,
  plan: Plan,
  program: BenchProgram,
): Promise<Order> => {
  const token = await serviceToken(context, options);
  return {
    url: `${serviceUrl(context, options)}/v1/executions`,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: (n) => JSON.stringify(program.request(n)),
    fixed: program.fixed,
    connections: plan.connections,
    durationMs: plan.durationMs,
    perSecond: plan.rate,
    timeoutMs: ANSWER_TIMEOUT_MS,
    signal: context.signal,
  };
};

/** How often what was wrong. */
type Wrong = Record<string, number>;

interface Measured {
  readonly latencies: readonly number[];
  readonly wrong: Wrong;
  readonly done: LoadDone;
}

const drive = async (generate: GenerateLoad, order: Order, judge: Judge, wrong: Wrong): Promise<Measured> => {
  const latencies: number[] = [];
  const giveUp = new AbortController();
  let faults = 0;
  const count = (what: string): void => {
    const known = wrong[what] !== undefined || Object.keys(wrong).length < MOST_REASONS;
    const reason = known ? what : 'something else again';
    wrong[reason] = (wrong[reason] ?? 0) + 1;
  };
  const done = await generate({
    ...order,
    signal: AbortSignal.any([order.signal, giveUp.signal]),
    onAnswer: (status, body, ms) => {
      const fault = judge(status, body);
      if (fault) count(fault);
      else latencies.push(ms);
    },
    onFault: (error) => {
      faults += 1;
      count(error.message || 'the connection failed');
      if (faults >= MOST_FAULTS) giveUp.abort();
    },
  });
  return { latencies, wrong, done };
};

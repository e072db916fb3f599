import { problemSchema } from '../../contracts/errors.ts';
import {
  type ExecutionRequestInput,
  type ExecutionResult,
  executionResultSchema,
  outputEventSchema,
} from '../../contracts/execution.ts';
import { runtimesResponseSchema } from '../../contracts/service.ts';
import { type CliContext, CliError } from '../context.ts';
import { readEventStream } from '../event-stream.ts';
import { startProgress } from '../progress.ts';
import { createServiceClient, describeProblem, parseAnswer, type ServiceClient } from '../service-client.ts';
import { type ServiceOptions, serviceUrl } from '../service-options.ts';
import { buildRequest, type RunOptions } from './build-request.ts';
import { createResultPrinter, exitCodeOfResult } from './print-result.ts';
import { printTests } from './print-tests.ts';
import { saveOutputs } from './save-outputs.ts';

export interface ExecuteOptions extends RunOptions, ServiceOptions {
  stream?: boolean | undefined;
  json?: boolean | undefined;
}

/** As docker does it: 125 is our own failure, so that it is told from the program's exit code. */
const failureCode = 125;

/** `paddock run`: answers the exit code. */
export const execute = async (context: CliContext, options: ExecuteOptions): Promise<number> => {
  const client = await createServiceClient(context, options, failureCode);
  const request = await buildRequest(context, options, async () => {
    return (await client.get('/v1/runtimes', runtimesResponseSchema)).runtimes;
  });
  const url = serviceUrl(context, options);
  const result = options.stream
    ? await runStreaming(context, client, request, options, url)
    : await runWhole(context, client, request, url);
  report(context, result, options);
  if (options.outputDir !== undefined) await saveOutputs(context, result.outputs, options.outputDir);
  return exitCodeOfResult(result);
};

const runWhole = async (
  context: CliContext,
  client: ServiceClient,
  request: ExecutionRequestInput,
  url: string,
): Promise<ExecutionResult> => {
  const progress = startProgress(context, `running in ${request.runtime}`);
  try {
    const response = await client.execute(request, 'application/json');
    return parseAnswer(executionResultSchema, await response.json(), url, failureCode);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw brokenOff(error);
  } finally {
    progress.stop();
  }
};

const runStreaming = async (
  context: CliContext,
  client: ServiceClient,
  request: ExecutionRequestInput,
  options: ExecuteOptions,
  url: string,
): Promise<ExecutionResult> => {
  const printer = createResultPrinter(context);
  const progress = startProgress(context, `running in ${request.runtime}`);
  try {
    const response = await client.execute(request, 'text/event-stream');
    for await (const { event, data } of readEventStream(response.body ?? emptyBody())) {
      progress.stop();
      const body: unknown = JSON.parse(data);
      if (event === 'output') {
        const piece = parseAnswer(outputEventSchema, body, url, failureCode);
        if (options.json) context.stdout.write(`${JSON.stringify({ event, output: piece })}\n`);
        else printer.piece(piece);
      } else if (event === 'result') {
        return parseAnswer(executionResultSchema, body, url, failureCode);
      } else if (event === 'error') {
        throw new CliError(describeProblem(parseAnswer(problemSchema, body, url, failureCode)), failureCode);
      }
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw brokenOff(error);
  } finally {
    progress.stop();
  }
  throw brokenOff(undefined);
};

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

const brokenOff = (cause: unknown): CliError =>
  new CliError(
    `the connection ended before the result was there${cause instanceof Error ? `: ${cause.message}` : ''}`,
    failureCode,
    { cause },
  );

const report = (context: CliContext, result: ExecutionResult, options: ExecuteOptions): void => {
  if (options.json) {
    const body = options.stream ? { event: 'result', result } : result;
    context.stdout.write(`${JSON.stringify(body, null, options.stream ? undefined : 2)}\n`);
    return;
  }
  createResultPrinter(context).result(result, options.stream === true);
  if (result.tests) printTests(context, result.tests);
};

import {
  type ExecutionRequestInput,
  type ExecutionResult,
  executionResultSchema,
} from '../../service/contracts/execution.ts';
import { type Problem, problemSchema } from '../../service/contracts/errors.ts';
import { executorsResponseSchema, type ExecutorsResponse } from '../../service/contracts/service.ts';
import { runtimesResponseSchema } from '../../service/contracts/service.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly ms: number;
}

/** Sends any body at all, well formed or not. */
export const post = async (
  url: string,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  init: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer> => {
  const started = performance.now();
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...init.headers },
    signal: init.signal ?? AbortSignal.timeout(120_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, ms: performance.now() - started };
};

export type Executed =
  | { readonly ok: true; readonly result: ExecutionResult; readonly ms: number }
  | { readonly ok: false; readonly status: number; readonly problem: Problem; readonly headers: Headers; readonly ms: number };

/** Runs one execution; a problem is data here as well. @throws where the answer has neither shape. */
export const execute = async (
  url: string,
  request: ExecutionRequestInput,
  signal?: AbortSignal,
): Promise<Executed> => {
  const { status, headers, text, ms } = await post(url, '/v1/executions', JSON.stringify(request), { signal });
  const value: unknown = JSON.parse(text);
  if (status === 200) return { ok: true, result: executionResultSchema.parse(value), ms };
  return { ok: false, status, problem: problemSchema.parse(value), headers, ms };
};

/** As `execute`, where nothing but a result will do. */
export const run = async (url: string, request: ExecutionRequestInput): Promise<ExecutionResult> => {
  const executed = await execute(url, request);
  if (!executed.ok) throw new Error(`status ${executed.status}: ${JSON.stringify(executed.problem)}`);
  return executed.result;
};

const getJson = async (url: string, path: string): Promise<unknown> => {
  const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
  return response.json();
};

export const executorsOf = async (url: string): Promise<ExecutorsResponse['executors']> =>
  executorsResponseSchema.parse(await getJson(url, '/v1/executors')).executors;

export const runtimesOf = async (url: string) =>
  runtimesResponseSchema.parse(await getJson(url, '/v1/runtimes')).runtimes;

import { type Problem, problemSchema } from '../../service/contracts/errors.ts';
import {
  type ExecutionRequestInput,
  type ExecutionResult,
  executionResultSchema,
} from '../../service/contracts/execution.ts';
import {
  type ExecutorsResponse,
  executorsResponseSchema,
  runtimesResponseSchema,
} from '../../service/contracts/service.ts';
import { waitFor } from './wait-for.ts';

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
  | {
      readonly ok: false;
      readonly status: number;
      readonly problem: Problem;
      readonly headers: Headers;
      readonly ms: number;
    };

/** Runs one execution; a problem is data here as well. @throws where the answer has neither shape. */
export const execute = async (
  url: string,
  request: ExecutionRequestInput,
  signal?: AbortSignal,
): Promise<Executed> => {
  const { status, headers, text, ms } = await post(url, '/v1/executions', JSON.stringify(request), {
    signal,
  });
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

export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Runs one execution as a stream of server-sent events, as they come. */
export async function* stream(
  url: string,
  request: ExecutionRequestInput,
  signal: AbortSignal = AbortSignal.timeout(60_000),
): AsyncGenerator<ServerEvent> {
  const response = await fetch(`${url}/v1/executions`, {
    method: 'POST',
    body: JSON.stringify(request),
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`status ${response.status}: ${await response.text()}`);
  let pending = '';
  // A fatal decoder: an invalid byte on the wire is a fault of the service, not something to paper over.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of response.body) {
    pending += decoder.decode(chunk, { stream: true });
    const blocks = pending.split(/\r?\n\r?\n/);
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = block.split(/\r?\n/).map((line) => /^(\w*):? ?(.*)$/s.exec(line) ?? []);
      const value = (name: string): string =>
        fields
          .filter(([, key]) => key === name)
          .map((field) => field[2] ?? '')
          .join('\n');
      if (value('data') !== '') yield { event: value('event') || 'message', data: JSON.parse(value('data')) };
    }
  }
}

/**
 * Resolves when every runtime has been prepared and the warm set is full: from then on every sandbox that does more
 * than wait belongs to an execution.
 */
export const settled = (url: string): Promise<boolean> =>
  waitFor(
    async () => {
      const available = (await runtimesOf(url)).filter((runtime) => runtime.available);
      const warm = (await executorsOf(url)).flatMap((executor) => executor.warm);
      return (
        available.every(({ name, version }) =>
          warm.some((kind) => kind.runtime === name && kind.version === version),
        ) && warm.every(({ ready, target, creating }) => creating === 0 && ready >= target)
      );
    },
    { what: 'the runtimes to be prepared', timeoutMs: 180_000, everyMs: 100 },
  );

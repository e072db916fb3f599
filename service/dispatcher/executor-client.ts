import { StringDecoder } from 'node:string_decoder';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type Dispatcher, Pool } from 'undici';
import type { ExecutorAddress, TlsIdentity } from '../cluster/port.ts';
import { executorServerName } from '../contracts/cluster-api.ts';
import { PaddockError, problemSchema } from '../contracts/errors.ts';
import type { OutputEvent } from '../contracts/execution.ts';
import {
  type ExecutorBrief,
  type ExecutorRequest,
  type ExecutorResult,
  type ExecutorStatus,
  executorBriefSchema,
  executorEventSchema,
  executorStatusSchema,
} from '../contracts/executor-api.ts';
import { type ExecutorLoad, loadHeader, parseLoad } from '../contracts/executor-load.ts';
import type { ImagePulling } from '../contracts/image.ts';
import { isExecutorResult } from './executor-result.ts';

/** The executor has no room now, or is ending: the next one is tried. */
export class ExecutorBusy extends Error {
  override readonly name = 'ExecutorBusy';
}

/** The connection broke or the answer made no sense: whether the execution ran is unknown. */
export class ExecutorLost extends Error {
  override readonly name = 'ExecutorLost';
}

/** Nothing was sent, so nothing ran: it may be sent elsewhere freely. */
export class ExecutorUnreachable extends Error {
  override readonly name = 'ExecutorUnreachable';
}

export type OnImage = (pulling: ImagePulling) => void;
export type OnOutput = (output: OutputEvent) => void | Promise<void>;

export interface ExecutorClient {
  /** Throws ExecutorBusy, ExecutorUnreachable, ExecutorLost, or a PaddockError that the executor answered; the signal's reason when aborted. */
  execute(
    request: ExecutorRequest,
    signal: AbortSignal,
    onOutput?: OnOutput,
    onLoad?: (load: ExecutorLoad) => void,
    onImage?: OnImage,
  ): Promise<ExecutorResult>;
  /** The brief one where `known` is still the revision of what rarely changes. */
  status(known: string | undefined): Promise<ExecutorStatus | ExecutorBrief>;
  /** Breaks every connection at once; executions under way there reject with ExecutorLost. */
  destroy(): void;
}

const statusTimeoutMs = 2_000;

/** Makes clients. Reading an identity takes longer than an execution does here, so they share what is read of one. */
export const createExecutorClients = (): ((address: ExecutorAddress) => ExecutorClient) => {
  const contexts = new WeakMap<TlsIdentity, SecureContext>();
  const contextOf = (identity: TlsIdentity): SecureContext => {
    const context = contexts.get(identity) ?? createSecureContext(identity);
    contexts.set(identity, context);
    return context;
  };
  return (address) => createExecutorClient(address, contextOf);
};

/** One executor over kept-alive connections. Nothing limits how long an execution takes but its own limits and deadline. */
export const createExecutorClient = (
  address: ExecutorAddress,
  contextOf: (identity: TlsIdentity) => SecureContext = createSecureContext,
): ExecutorClient => {
  const pool = new Pool(address.url, {
    connections: null,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    // Nodes come and go with their addresses, so certificates bear the part that is played, not a host.
    ...(address.tls && {
      connect: { secureContext: contextOf(address.tls), servername: executorServerName },
    }),
  });

  return {
    async execute(request, signal, onOutput, onLoad, onImage) {
      try {
        const sent = {
          path: '/executions',
          method: 'POST',
          headers: { authorization: address.authorization(), 'content-type': 'application/json' },
          body: JSON.stringify(request),
        } as const;
        if (request.stream)
          return await readStreamed(await pool.request({ ...sent, signal }), onOutput, onImage);
        const { status, text, load } = await exchange(pool, sent, signal);
        if (load && onLoad) onLoad(load);
        if (status !== 200) throw refusal(text);
        const result = parseJson(text);
        if (!isExecutorResult(result)) throw new ExecutorLost('The executor answered in an unknown shape');
        return result;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (error instanceof PaddockError || error instanceof ExecutorBusy) throw error;
        if (error instanceof ExecutorLost) throw error;
        if (neverSent(error))
          throw new ExecutorUnreachable(`${address.id} cannot be reached`, { cause: error });
        throw new ExecutorLost(`The connection to ${address.id} broke`, { cause: error });
      }
    },
    async status(known) {
      const signal = AbortSignal.timeout(statusTimeoutMs);
      const response = await pool.request({
        path: known === undefined ? '/status' : `/status?known=${known}`,
        method: 'GET',
        headers: { authorization: address.authorization() },
        signal,
      });
      const text = await response.body.text();
      if (response.statusCode !== 200) throw new ExecutorLost(`Its status answered ${response.statusCode}`);
      return statusIn(text, known);
    },
    destroy() {
      pool.destroy(new ExecutorLost(`${address.id} left`)).catch(() => {});
    },
  };
};

const neverSent = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ECONNREFUSED' || error.code === 'UND_ERR_CONNECT_TIMEOUT');

interface Parser<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: Error };
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ExecutorLost('The executor answered no valid JSON', { cause: error });
  }
};

const parseWith = <T>(schema: Parser<T>, text: string): T => checked(schema, parseJson(text));

const checked = <T>(schema: Parser<T>, value: unknown): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ExecutorLost('The executor answered in an unknown shape', { cause: parsed.error });
};

const statusIn = (text: string, known: string | undefined): ExecutorStatus | ExecutorBrief => {
  const value = parseJson(text);
  const isWhole = typeof value === 'object' && value !== null && 'runtimes' in value;
  const status = checked<ExecutorStatus | ExecutorBrief>(
    isWhole ? executorStatusSchema : executorBriefSchema,
    value,
  );
  if (!isWhole && status.catalogue !== known)
    throw new ExecutorLost('The executor left out what is not known');
  return status;
};

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly load: ExecutorLoad | undefined;
}

/**
 * One request and its whole answer, straight on undici's dispatch: the stream and the promises that `request` makes of
 * an answer would be a fifth of all that the dispatcher does for an execution.
 */
const exchange = (pool: Pool, sent: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<Answer> =>
  new Promise((resolve, reject) => {
    let status = 0;
    let load: ExecutorLoad | undefined;
    const chunks: Buffer[] = [];
    let started: Dispatcher.DispatchController | undefined;
    const stop = (): void => {
      started?.abort(signal.reason);
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop);
    pool.dispatch(sent, {
      onRequestStart(controller) {
        started = controller;
        // It may have waited for a connection until now.
        if (signal.aborted) stop();
      },
      onResponseStart(_controller, statusCode, headers) {
        status = statusCode;
        load = parseLoad(headers[loadHeader]);
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        resolve({ status, text: textOf(chunks), load });
      },
      onResponseError(_controller, error) {
        reject(error);
      },
    });
  });

const textOf = (chunks: readonly Buffer[]): string =>
  (chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)).toString('utf8');

const refusal = (text: string): Error => errorOf(parseWith(problemSchema, text));

const errorOf = (problem: ReturnType<typeof problemSchema.parse>): Error => {
  const { code, detail, errors, executionId, retryAfterMs } = problem;
  if (code === 'executor-busy' || code === 'shutting-down') return new ExecutorBusy(detail ?? problem.title);
  if (code === 'unauthorized' || code === 'host-not-allowed' || code === 'not-found') {
    // Between services these are our fault, never the caller's.
    return new PaddockError(
      'internal',
      { executionId },
      { cause: new Error(`The executor answered ${code}`) },
    );
  }
  return new PaddockError(code, { detail, errors, executionId, retryAfterMs });
};

const readStreamed = async (
  { statusCode, body }: Dispatcher.ResponseData,
  onOutput: OnOutput | undefined,
  onImage: OnImage | undefined,
): Promise<ExecutorResult> => {
  if (statusCode !== 200) throw refusal(await body.text());
  const decoder = new StringDecoder('utf8');
  let pending = '';
  for await (const chunk of body) {
    pending += decoder.write(chunk);
    let start = 0;
    for (let end = pending.indexOf('\n'); end !== -1; end = pending.indexOf('\n', start)) {
      const event = parseWith(executorEventSchema, pending.slice(start, end));
      start = end + 1;
      if (event.event === 'output') await onOutput?.(event.output);
      else if (event.event === 'image') onImage?.(event.image);
      else if (event.event === 'result') return event.result;
      else throw errorOf(event.problem);
    }
    pending = pending.slice(start);
  }
  throw new ExecutorLost('The executor ended its answer without a result');
};

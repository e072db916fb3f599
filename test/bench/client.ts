import { Pool } from 'undici';
import {
  type ExecutionRequestInput,
  type ExecutionResult,
  executionResultSchema,
} from '../../service/contracts/execution.ts';
import { executorsResponseSchema, runtimesResponseSchema } from '../../service/contracts/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { Skip } from './scenario.ts';

export interface Timed {
  readonly result: ExecutionResult;
  /** From the first byte sent to the last byte of the answer received. */
  readonly ms: number;
}

export interface Client {
  readonly url: string;
  /** @throws where the answer is no result, or the program did not end well with this standard output */
  execute(request: ExecutionRequestInput, expectedStdout: string): Promise<Timed>;
  /** The text of a GET. */
  get(path: string): Promise<string>;
  /** Throws Skip where the service has no such runtime. */
  requireRuntime(name: string): Promise<void>;
  /** Waits until a sandbox of each stage of the runtime is ready and none of any kind is being made. */
  untilWarm(runtimes: readonly string[], timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** Keep-alive connections, one request at a time on each. */
export const createClient = (url: string, token?: string): Client => {
  const pool = new Pool(url, { connections: 64, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const headers = { ...authorization, 'content-type': 'application/json' };

  const get = async (path: string): Promise<string> => {
    const response = await pool.request({ path, method: 'GET', headers: authorization });
    const text = await response.body.text();
    if (response.statusCode !== 200) throw new Error(`GET ${path} answered ${response.statusCode}: ${text}`);
    return text;
  };
  const executors = async () =>
    executorsResponseSchema.parse(JSON.parse(await get('/v1/executors'))).executors;
  const runtimes = async () => runtimesResponseSchema.parse(JSON.parse(await get('/v1/runtimes'))).runtimes;
  let lastUse = performance.now();

  return {
    url,
    get,
    async execute(request, expectedStdout) {
      const body = JSON.stringify(request);
      const started = performance.now();
      const response = await pool.request({ path: '/v1/executions', method: 'POST', headers, body });
      const text = await response.body.text();
      lastUse = performance.now();
      if (response.statusCode !== 200)
        throw new Error(`an execution answered ${response.statusCode}: ${text}`);
      const result = executionResultSchema.parse(JSON.parse(text));
      if (result.run?.outcome !== 'ok' || result.run.stdout !== expectedStdout)
        throw new Error(`an execution did not end as expected: ${text}`);
      return { result, ms: lastUse - started };
    },
    async requireRuntime(name) {
      const found = (await runtimes()).filter(
        ({ name: own, aliases }) => own === name || aliases.includes(name),
      );
      if (found.length === 0) throw new Skip(`the service has no runtime ${name}`);
      if (!found.some(({ available }) => available))
        throw new Skip(`${name} is not available: ${found[0]?.reason ?? 'no reason given'}`);
    },
    async untilWarm(names, timeoutMs = 120_000) {
      const known = await runtimes();
      const wanted = names.map((name) => known.find((one) => one.name === name)?.name ?? name);
      await waitFor(
        async () => {
          const asked = performance.now();
          const all = await executors();
          // The dispatcher asks its executors twice a second: what it says may be older than the last execution.
          if (all.length === 0 || all.some(({ lastSeenMs }) => asked - lastSeenMs <= lastUse)) return false;
          const shelves = all.flatMap(({ warm }) => warm);
          if (shelves.some(({ creating }) => creating > 0)) return false;
          return wanted.every((name) => {
            const own = shelves.filter(({ runtime }) => runtime === name || runtime.startsWith(`${name} `));
            return own.length > 0 && own.every(({ ready, target }) => ready >= Math.max(1, target));
          });
        },
        { what: `warm sandboxes of ${names.join(', ')}`, timeoutMs, everyMs: 15 },
      );
    },
    close: () => pool.close(),
  };
};

import {
  type ExecutionRequestInput,
  type ExecutionResult,
  executionResultSchema,
} from '../../service/contracts/execution.ts';
import { executorsResponseSchema, runtimesResponseSchema } from '../../service/contracts/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { getText } from './apis/api.ts';
import { type Connection, openConnection } from './load/connection.ts';
import { requestBytes } from './load/target.ts';
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
  close(): void;
}

/** Keep-alive connections, one request at a time on each. */
export const createClient = (url: string, token?: string): Client => {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const idle: Connection[] = [];

  const get = (path: string): Promise<string> => getText(`${url}${path}`, headers);
  const executors = async () =>
    executorsResponseSchema.parse(JSON.parse(await get('/v1/executors'))).executors;
  const runtimes = async () => runtimesResponseSchema.parse(JSON.parse(await get('/v1/runtimes'))).runtimes;

  return {
    url,
    get,
    async execute(request, expectedStdout) {
      const bytes = Buffer.from(
        requestBytes(new URL(url), '/v1/executions', headers, JSON.stringify(request)),
      );
      const connection = idle.pop() ?? openConnection(new URL(url));
      const started = performance.now();
      const { status, body } = await connection.send(bytes);
      const ms = performance.now() - started;
      idle.push(connection);
      if (status !== 200) throw new Error(`an execution answered ${status}: ${body}`);
      const result = executionResultSchema.parse(JSON.parse(body));
      if (result.run?.outcome !== 'ok' || result.run.stdout !== expectedStdout)
        throw new Error(`an execution did not end as expected: ${body}`);
      return { result, ms };
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
      const since = performance.now();
      await waitFor(
        async () => {
          const asked = performance.now();
          const all = await executors();
          // The dispatcher asks its executors twice a second: what it says may be older than the last execution.
          if (all.length === 0 || all.some(({ lastSeenMs }) => asked - lastSeenMs <= since)) return false;
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
    close() {
      for (const connection of idle) connection.close();
    },
  };
};

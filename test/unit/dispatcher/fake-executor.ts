import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  Cluster,
  ClusterListener,
  ElasticCluster,
  ExecutorAddress,
} from '../../../service/cluster/port.ts';
import { type ErrorCode, PaddockError } from '../../../service/contracts/errors.ts';
import type { Stage } from '../../../service/contracts/execution.ts';
import type {
  ExecutorEvent,
  ExecutorRequest,
  ExecutorResult,
  ExecutorStatus,
} from '../../../service/contracts/executor-api.ts';
import { defaultLimits } from '../../../service/contracts/limits.ts';
import type { RuntimeInfo } from '../../../service/contracts/runtime.ts';

export const stage = (over: Partial<Stage> = {}): Stage => ({
  outcome: 'ok',
  exitCode: 0,
  signal: null,
  stdout: '2\n',
  stdoutEncoding: 'utf8',
  stdoutTruncated: false,
  stderr: '',
  stderrEncoding: 'utf8',
  stderrTruncated: false,
  cpuMs: 1,
  wallMs: 2,
  memoryPeakBytes: 1_000_000,
  ...over,
});

export const resultWith = (over: Partial<ExecutorResult> = {}): ExecutorResult => ({
  run: stage(),
  outputs: [],
  warm: true,
  timings: { preparedMs: 0.1, compileMs: 0, runMs: 2, collectMs: 0.1, totalMs: 2.2 },
  ...over,
});

export const runtime = (name: string, version: string, over: Partial<RuntimeInfo> = {}): RuntimeInfo => ({
  name,
  title: name,
  version,
  aliases: [],
  extensions: [],
  fileName: `main.${name}`,
  available: true,
  compiled: false,
  startedAhead: true,
  limits: defaultLimits,
  capabilities: [],
  ...over,
});

export const runtimes: RuntimeInfo[] = [
  runtime('python', '3.11.2', { aliases: ['py', 'python3'], fileName: 'main.py' }),
  runtime('python', '3.12.1', { aliases: ['py', 'python3'], fileName: 'main.py' }),
  runtime('c++', '17', { aliases: ['cpp'], fileName: 'main.cpp', compiled: true }),
  runtime('java', '17.0.9', { available: false, reason: 'javac was not found' }),
];

/** One execution that reached the fake: the test decides how it ends. */
export interface Arrived {
  readonly request: ExecutorRequest;
  /** Resolves once the dispatcher closed the connection before there was an answer. */
  readonly cancelled: Promise<void>;
  answer(result?: ExecutorResult): void;
  refuse(code: ErrorCode): void;
  event(event: ExecutorEvent): void;
  end(): void;
  /** Breaks the connection, as a killed process does. */
  die(): void;
}

export interface FakeExecutor {
  readonly address: ExecutorAddress;
  readonly arrived: Arrived[];
  /** Resolves once so many executions arrived in all. */
  count(executions: number): Promise<Arrived>;
  /** Called for each execution; by default they wait for the test. */
  onArrived: (arrived: Arrived) => void;
  status: Partial<ExecutorStatus>;
  close(): Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

const problem = (response: ServerResponse, code: ErrorCode): void => {
  const error = new PaddockError(code);
  response.writeHead(error.status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify(error.toProblem()));
};

const arrive = (request: ExecutorRequest, response: ServerResponse): Arrived => ({
  request,
  cancelled: new Promise((resolve) =>
    response.once('close', () => {
      if (!response.writableFinished) resolve();
    }),
  ),
  answer: (result = resultWith()) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(result));
  },
  refuse: (code) => problem(response, code),
  event: (event) => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write(`${JSON.stringify(event)}\n`);
  },
  end: () => void response.end(),
  die: () => void response.destroy(),
});

/** An executor that speaks the executor API and runs nothing. */
export const startFakeExecutor = async (
  id: string,
  status: Partial<ExecutorStatus> = {},
  pool = 'default',
): Promise<FakeExecutor> => {
  const token = `token-of-${id}`;
  const arrived: Arrived[] = [];
  const watchers: { executions: number; resolve: (arrived: Arrived) => void }[] = [];
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== `Bearer ${token}`) return problem(response, 'unauthorized');
    if (request.url === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...statusOf(id), ...fake.status }));
      return;
    }
    const one = arrive(JSON.parse(await readBody(request)), response);
    arrived.push(one);
    for (const watcher of watchers) if (watcher.executions === arrived.length) watcher.resolve(one);
    fake.onArrived(one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fake: FakeExecutor = {
    address: { id, url: `http://127.0.0.1:${port}`, pool, authorization: () => `Bearer ${token}` },
    arrived,
    count: (executions) =>
      new Promise((resolve) => {
        const one = arrived[executions - 1];
        if (one) resolve(one);
        else watchers.push({ executions, resolve });
      }),
    onArrived: () => {},
    status,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
};

export const statusOf = (id: string): ExecutorStatus => ({
  id,
  node: 'here',
  state: 'ready',
  startedAt: '2026-01-01T00:00:00.000Z',
  capabilities: ['gpu'],
  runtimes,
  running: 0,
  maxRunning: 2,
  warm: [{ runtime: 'python', version: '3.11.2', stage: 'run', ready: 2, creating: 0, target: 2 }],
  warmBytes: 0,
  warmBudgetBytes: 0,
  rssBytes: 0,
  isolation: { sandbox: 'fake', cgroup: 'none', distinctUids: false, seccomp: false, weaker: [] },
  counters: {
    executions: 0,
    sandboxesCreated: 0,
    sandboxesFailed: 0,
    sandboxesForked: 0,
    forkFallbacks: 0,
    warmHits: 0,
    warmMisses: 0,
    internalErrors: 0,
  },
});

/** A cluster whose executors the test adds and takes away. */
export interface FakeCluster extends Cluster {
  join(executor: FakeExecutor): void;
  leave(executor: FakeExecutor, reason?: string): void;
}

/** @param elastic where executors come and go with demand */
export const createFakeCluster = (executors: FakeExecutor[], elastic?: ElasticCluster): FakeCluster => {
  let listener: ClusterListener | undefined;
  const joined = new Set(executors);
  return {
    ...(elastic && { elastic }),
    async start(given) {
      listener = given;
      for (const executor of joined) given.joined(executor.address);
    },
    async close() {
      await Promise.all([...joined].map((executor) => executor.close()));
    },
    join(executor) {
      joined.add(executor);
      listener?.joined(executor.address);
    },
    leave(executor, reason = 'it was ended by SIGKILL') {
      listener?.left(executor.address.id, reason);
    },
  };
};

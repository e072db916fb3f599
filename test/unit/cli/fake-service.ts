import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetch } from 'undici';
import { generateLoad } from '../../../service/bin/autocannon-load.ts';
import type { CliContext, CliPorts, DoctorCheck } from '../../../service/cli/context.ts';
import { runCli } from '../../../service/cli/program.ts';
import type { ExecutionResult, Stage } from '../../../service/contracts/execution.ts';
import { defaultLimits } from '../../../service/contracts/limits.ts';
import type { RuntimeInfo } from '../../../service/contracts/runtime.ts';

export const stage = (changes: Partial<Stage> = {}): Stage => ({
  outcome: 'ok',
  exitCode: 0,
  signal: null,
  stdout: '',
  stdoutEncoding: 'utf8',
  stdoutTruncated: false,
  stderr: '',
  stderrEncoding: 'utf8',
  stderrTruncated: false,
  cpuMs: 1,
  wallMs: 2,
  memoryPeakBytes: 1_048_576,
  ...changes,
});

export const result = (changes: Partial<ExecutionResult> = {}): ExecutionResult => ({
  id: 'exec-1',
  runtime: 'python',
  version: '3.11.2',
  run: stage(),
  outputs: [],
  executor: 'local-0-1',
  attempts: 1,
  timings: { queuedMs: 0, preparedMs: 1, compileMs: 0, runMs: 2, totalMs: 3 },
  metadata: {},
  ...changes,
});

export const runtime = (changes: Partial<RuntimeInfo> = {}): RuntimeInfo => ({
  name: 'python',
  title: 'Python',
  version: '3.11.2',
  aliases: ['py'],
  extensions: ['.py'],
  fileName: 'main.py',
  available: true,
  compiled: false,
  startedAhead: true,
  limits: { ...defaultLimits },
  capabilities: [],
  ...changes,
});

export interface Answer {
  readonly status?: number;
  readonly type?: string;
  readonly body: unknown;
}

export interface FakeService {
  readonly url: string;
  /** Bodies of POST /v1/executions, in order. */
  readonly executions: unknown[];
  readonly authorizations: (string | undefined)[];
  close(): Promise<void>;
}

export type Route = Answer | ((request: unknown) => Answer | Promise<Answer>);

/** Answers `routes` by path; a string body goes out as it is. */
export const startFakeService = async (routes: Record<string, Route>): Promise<FakeService> => {
  const executions: unknown[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const body = await textOf(request);
    authorizations.push(request.headers.authorization);
    const posted: unknown = request.method === 'POST' ? JSON.parse(body) : undefined;
    if (posted !== undefined) executions.push(posted);
    const route = routes[request.url ?? ''] ?? { status: 404, body: 'nothing here' };
    const answer = typeof route === 'function' ? await route(posted) : route;
    response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'application/json' });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    executions,
    authorizations,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

export interface Invocation {
  readonly url?: string;
  readonly stdin?: string | Buffer;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly checks?: DoctorCheck[];
  readonly serve?: CliPorts['serve'];
  readonly nomad?: CliPorts['nomad'];
  /** As if a person sat there. */
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Buffer;
}

/** Runs one command line as bin/paddock.ts does, with everything around it recorded. */
export const paddock = async (args: readonly string[], invocation: Invocation = {}): Promise<Ran> => {
  const written = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const sink = (name: 'stdout' | 'stderr') => ({
    write: (chunk: string | Uint8Array) => written[name].push(Buffer.from(chunk as Uint8Array)),
    isTTY: invocation.terminal ?? false,
  });
  const context: CliContext = {
    env: { ...(invocation.url && { PADDOCK_URL: invocation.url }), ...invocation.env },
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    stdin: {
      isTTY: invocation.stdin === undefined,
      async *[Symbol.asyncIterator]() {
        if (invocation.stdin !== undefined) yield Buffer.from(invocation.stdin);
      },
    },
    fetch,
    cwd: invocation.cwd ?? '/',
    projectRoot: invocation.cwd ?? '/',
    uid: 1_000,
    colours: false,
    now: () => 0,
    date: () => new Date('2026-01-02T03:04:05Z'),
    randomBytes: (size) => Buffer.alloc(size, 7),
    signal: invocation.signal ?? new AbortController().signal,
  };
  const ports: CliPorts = {
    serve: invocation.serve ?? (async () => 0),
    doctor: async () => invocation.checks ?? [],
    load: generateLoad,
    nomad:
      invocation.nomad ??
      (async () => {
        throw new Error('this test has no Nomad');
      }),
  };
  const code = await runCli(args, context, ports, '0.0.0-test');
  const stdoutBytes = Buffer.concat(written.stdout);
  return {
    code,
    stdout: stdoutBytes.toString('utf8'),
    stderr: Buffer.concat(written.stderr).toString('utf8'),
    stdoutBytes,
  };
};

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutorResult, ExecutorStatus } from '../../../service/contracts/executor-api.ts';
import { defaultLimits } from '../../../service/contracts/limits.ts';

/** A child process of the local cluster that speaks an executor's HTTP API and answers at once, running nothing. */

const status: ExecutorStatus = {
  id: process.env.PADDOCK_EXECUTOR_ID ?? '',
  node: 'here',
  state: 'ready',
  startedAt: new Date().toISOString(),
  capabilities: [],
  runtimes: [
    {
      name: 'python',
      title: 'Python',
      version: '3.11.2',
      aliases: ['py', 'python3'],
      extensions: ['.py'],
      fileName: 'main.py',
      available: true,
      compiled: false,
      startedAhead: true,
      limits: defaultLimits,
      capabilities: [],
    },
  ],
  running: 0,
  maxRunning: 64,
  warm: [{ runtime: 'python', version: '3.11.2', stage: 'run', ready: 64, creating: 0, target: 64 }],
  warmBytes: 0,
  warmBudgetBytes: 0,
  rssBytes: 0,
  isolation: { sandbox: 'none', cgroup: 'none', distinctUids: false, seccomp: false, weaker: [] },
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
};

const result: ExecutorResult = {
  run: {
    outcome: 'ok',
    exitCode: 0,
    signal: null,
    stdout: 'hello\n',
    stdoutEncoding: 'utf8',
    stdoutTruncated: false,
    stderr: '',
    stderrEncoding: 'utf8',
    stderrTruncated: false,
    cpuMs: 9.87,
    wallMs: 2.345,
    memoryPeakBytes: 3_500_000,
  },
  outputs: [],
  warm: true,
  timings: { preparedMs: 0.123, compileMs: 0, runMs: 2.345, collectMs: 0.01, totalMs: 2.512 },
};

const answer = (response: ServerResponse, bytes: Buffer): void => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
};

const [statusBytes, resultBytes] = [status, result].map((value) => Buffer.from(JSON.stringify(value)));
const authorization = `Bearer ${process.env.PADDOCK_EXECUTOR_TOKEN}`;
const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.headers.authorization !== authorization) return void response.writeHead(401).end();
  if (request.method === 'GET') return answer(response, statusBytes as Buffer);
  request.resume();
  request.once('end', () => answer(response, resultBytes as Buffer));
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'ready', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());

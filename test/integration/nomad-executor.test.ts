import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../service/cluster/clock.ts';
import { createSigningKey, createTokenSigner } from '../../service/cluster/trust/executor-token.ts';
import { type Registration, registrationSchema } from '../../service/contracts/cluster-api.ts';
import { defaultLimits, type ExecutorRequest, executorStatusSchema } from '../../service/contracts/index.ts';
import { hostState, placesIn } from '../harness/leaks.ts';
import { descendantsOf, readQuietly } from '../harness/processes.ts';
import { freePort, repository } from '../harness/start-service.ts';
import { assertNothingLeft } from '../harness/use-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const IDENTITY = 'an.identity.of-nomad';

interface Heard {
  readonly authorization: string | undefined;
  readonly registration: Registration;
}

/** Hears what executors say; the first time of each it does not answer well. */
const fakeDispatcher = async (t: TestContext) => {
  const heard: Heard[] = [];
  let asked = 0;
  const server = createServer(async (request, response) => {
    asked += 1;
    const body = await text(request);
    if (asked > 1) {
      const registration = registrationSchema.parse(JSON.parse(body));
      heard.push({ authorization: request.headers.authorization, registration });
    }
    response.writeHead(request.url === '/cluster/executors' && asked > 1 ? 204 : 503).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { url: `http://127.0.0.1:${address.port}`, heard };
};

const output = (child: ChildProcess): (() => string) => {
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
  return () => chunks.join('');
};

/** An executor as Nomad would start it, and a dispatcher that it says so to. */
const start = async (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  const host = hostState();
  const dispatcher = await fakeDispatcher(t);
  const key = await createSigningKey();
  const allocation = randomUUID();
  // Deeper than the path of a socket may be.
  const task = join(folder, 'a'.repeat(60), 'b'.repeat(60));
  for (const name of ['local', 'secrets']) mkdirSync(join(task, name), { recursive: true });
  const order = { pool: 'python', dispatchers: [dispatcher.url], keys: [key.publicKey] };
  writeFileSync(join(task, 'local/order.json'), JSON.stringify(order));
  const stateDir = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NOMAD_ALLOC_ID: allocation,
    NOMAD_TASK_DIR: join(task, 'local'),
    NOMAD_SECRETS_DIR: join(task, 'secrets'),
    NOMAD_TOKEN_paddock: IDENTITY,
    NOMAD_IP_http: '127.0.0.1',
    NOMAD_PORT_http: String(await freePort()),
    PADDOCK_NODE: 'node-7',
    PADDOCK_STATE_DIR: stateDir,
    PADDOCK_CACHE_DIR: '/var/cache/paddock',
  };
  const program = join(repository, 'scripts/paddock-executor');
  const child = spawn(program, [], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = output(child);
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code);
  t.after(() => {
    child.kill('SIGKILL');
    for (const path of [folder, stateDir]) rmSync(path, { recursive: true, force: true });
  });
  const [ready] = await waitFor(() => dispatcher.heard.length > 0 && dispatcher.heard, {
    what: 'the registration',
  }).catch((error: Error) => assert.fail(`${error.message}; it says ${log()}`));
  assert.ok(ready);
  const places = placesIn(stateDir);
  const token = await createTokenSigner(key.privateJwk, systemClock).sign(allocation);
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${ready.registration.url}${path}`, { headers: { authorization: `Bearer ${token}` }, ...init });
  return {
    ...{ allocation, child, dispatcher, ended, log, ready, token, ask },
    secrets: join(task, 'secrets'),
    async run(code: string) {
      const status = executorStatusSchema.parse(await (await ask('/status')).json());
      const version = status.runtimes.find(({ name }) => name === 'python')?.version;
      assert.ok(version);
      const request: ExecutorRequest = {
        ...{ id: 'e1', tenant: 't', runtime: 'python', version, entry: 'main.py' },
        files: [{ name: 'main.py', content: code, encoding: 'utf8' }],
        ...{ args: [], stdin: '', stdinEncoding: 'utf8', env: {}, outputs: [], stream: false, cache: true },
        limits: { ...defaultLimits, wallMs: 20_000 },
      };
      return ask('/executions', { method: 'POST', body: JSON.stringify(request) });
    },
    running: async () => executorStatusSchema.parse(await (await ask('/status')).json()).running,
    /** Runs a verb as Nomad's action would, with the task's environment. */
    async control(verb: string) {
      const action = spawn(program, [verb], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      const said = output(action);
      const [code] = await once(action, 'close');
      return { code, said: said() };
    },
    nothingLeft: () => assertNothingLeft(host, places, stateDir),
  };
};

describe('an executor as a task of Nomad', () => {
  test('says that it is ready, runs what a dispatcher sends, and finishes it when it is told to end', async (t) => {
    const executor = await start(t);
    const { allocation, dispatcher, ready, ask } = executor;
    assert.equal(ready.authorization, `Bearer ${IDENTITY}`);
    assert.ok(executor.child.pid);
    const started = descendantsOf(executor.child.pid);
    assert.ok(started.length > 0);
    for (const { pid, command } of started)
      assert.ok(!readQuietly(`/proc/${pid}/environ`).includes(IDENTITY), `${command} has the identity`);
    const { url, ...rest } = ready.registration;
    assert.deepEqual(rest, { allocation, pool: 'python', node: 'node-7', state: 'ready' });
    for (const authorization of ['', 'Bearer x', executor.token])
      assert.equal((await ask('/status', { headers: { authorization } })).status, 401);

    const answer = executor.run('import time\ntime.sleep(1)\nprint("x" * 200_000)');
    await waitFor(async () => (await executor.running()) === 1, { what: 'it to run' });
    executor.child.kill('SIGTERM');
    await waitFor(() => dispatcher.heard.length > 1, { what: 'it to say that it drains' });
    assert.equal(dispatcher.heard[1]?.registration.state, 'draining');
    assert.equal((await ask('/executions', { method: 'POST', body: '{}' })).status, 503);
    const result = await (await answer).json();
    assert.equal(result.run.stdout.length, 200_001);
    assert.equal(await executor.ended, 0);
    const messages = executor
      .log()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).msg);
    for (const message of ['ready', 'draining: 1 execution is under way', 'ended'])
      assert.ok(messages.includes(message), `${message} in ${messages}`);
    await executor.nothingLeft();
  });

  test('tells people in its allocation how it is, and drains when they say so', async (t) => {
    const executor = await start(t);
    const socket = join(executor.secrets, 'control.sock');
    const mode = await waitFor(() => statSync(socket, { throwIfNoEntry: false })?.mode, {
      what: 'the socket',
    });
    assert.equal(mode & 0o777, 0o600);
    const status = await executor.control('status');
    assert.equal(status.code, 0, status.said);
    assert.match(status.said, new RegExp(`^executor +${executor.allocation} on node-7`));
    assert.match(status.said, /^state +ready; 0 executions are under way/m);
    assert.match(status.said, /^runtimes .*python 3/m);
    assert.equal((await executor.control('nonsense')).code, 2);

    const answer = executor.run('import time\ntime.sleep(1)\nprint(1)');
    await waitFor(async () => (await executor.running()) === 1, { what: 'it to run' });
    const drained = await executor.control('drain');
    assert.deepEqual(drained, {
      code: 0,
      said: 'draining: 1 execution is under way\nended: nothing is under way any more\n',
    });
    assert.equal((await (await answer).json()).run.stdout, '1\n');
    assert.equal(await executor.ended, 0);
    await executor.nothingLeft();
    assert.equal((await executor.control('status')).code, 1);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { type Clock, systemClock } from '../../../service/cluster/clock.ts';
import type { ElasticCluster } from '../../../service/cluster/port.ts';
import { defaultMaxLimits } from '../../../service/contracts/limits.ts';
import type { Tenant } from '../../../service/contracts/service.ts';
import { hashToken } from '../../../service/contracts/token.ts';
import { createApp } from '../../../service/dispatcher/app.ts';
import type { Core } from '../../../service/dispatcher/core.ts';
import type { DispatcherSettings } from '../../../service/dispatcher/settings.ts';
import { createTokenStore } from '../../../service/dispatcher/tenants/token-store.ts';
import {
  createFakeCluster,
  type FakeCluster,
  type FakeExecutor,
  startFakeExecutor,
} from './fake-executor.ts';

export const settings: DispatcherSettings = {
  version: '0.0.0',
  loopback: true,
  allowedHosts: [],
  bodyLimitBytes: 65_536,
  queueLimit: 8,
  maxLimits: defaultMaxLimits,
  allowedImages: [],
  statusEveryMs: 20,
  heartbeatMs: 15_000,
};

export interface Harness {
  readonly app: FastifyInstance;
  readonly core: Core;
  readonly cluster: FakeCluster;
  readonly executors: FakeExecutor[];
  readonly executor: FakeExecutor;
  readonly logged: Record<string, unknown>[];
  /** POST /v1/executions */
  post(body: object | string, headers?: Record<string, string>): ReturnType<typeof inject>;
}

const inject = (app: FastifyInstance, url: string, body: object | string, headers: Record<string, string>) =>
  app.inject({
    method: 'POST',
    url,
    payload: body,
    headers: { 'content-type': 'application/json', ...headers },
  });

export const hello = { runtime: 'python', code: 'print(1+1)' };

export interface HarnessOptions {
  readonly settings?: Partial<DispatcherSettings>;
  readonly executors?: FakeExecutor[];
  readonly tenants?: readonly (Partial<Tenant> & { token: string })[];
  readonly clock?: Clock;
  readonly elastic?: ElasticCluster;
}

/** The production app on a fake executor; everything ends with the test. */
export const start = async (test: TestContext, options: HarnessOptions = {}): Promise<Harness> => {
  const executors = options.executors ?? [await startFakeExecutor('one')];
  const cluster = createFakeCluster(executors, options.elastic);
  const folder = await mkdtemp(join(tmpdir(), 'paddock-test-'));
  const path = join(folder, 'tokens.json');
  if (options.tenants) await writeFile(path, JSON.stringify({ tokens: options.tenants.map(tenantOf) }));
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const all = { ...settings, ...options.settings };
  const clock = options.clock ?? systemClock;
  let id = 0;
  const { app, core } = await createApp(all, {
    cluster,
    tokens: createTokenStore({ path, maxLimits: all.maxLimits, clock, log }),
    clock,
    random: () => 0.5,
    newId: () => `execution-${++id}`,
    log,
  });
  test.after(async () => {
    await app.close();
    await rm(folder, { recursive: true });
  });
  await core.start();
  if (executors.length > 0) await core.fleet.ready();
  return {
    app,
    core,
    cluster,
    executors,
    executor: executors[0] as FakeExecutor,
    logged,
    post: (body, headers = {}) => inject(app, '/v1/executions', body, headers),
  };
};

const tenantOf = ({ token, ...tenant }: Partial<Tenant> & { token: string }) => ({
  tenant: 'somebody',
  createdAt: '2026-01-01T00:00:00.000Z',
  ...tenant,
  tokenHash: hashToken(token),
});

/** Waits until it holds; the test's own time limit ends a wait that never does. */
export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

export const tokenNumber = (number: number): string => `pdk_${String(number).padStart(43, 'x')}`;

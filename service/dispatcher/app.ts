import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Clock } from '../cluster/clock.ts';
import type { Cluster, TlsIdentity } from '../cluster/port.ts';
import { PaddockError } from '../contracts/errors.ts';
import { pistonRoutes } from './compat/piston.ts';
import { plainRoutes } from './compat/plain.ts';
import { type Core, createCore } from './core.ts';
import { logFinished } from './execution-log.ts';
import type { Log } from './log.ts';
import { createMetrics, type Metrics, type PoolSizes } from './metrics.ts';
import type { PoolReport } from './pools/keeper.ts';
import {
  type ErrorListener,
  pathOf,
  replyWithProblems,
  sendProblem,
  toPaddockError,
} from './problem-replies.ts';
import { clusterPaths, clusterRoutes } from './routes/cluster.ts';
import { documentationRoutes } from './routes/documentation.ts';
import { executionRoutes } from './routes/executions.ts';
import { healthRoutes } from './routes/health.ts';
import { serviceRoutes } from './routes/service.ts';
import { securityHeaders } from './security-headers.ts';
import type { DispatcherSettings } from './settings.ts';
import { createGate } from './tenants/authenticate.ts';
import type { TenantPolicy } from './tenants/policy.ts';
import type { TokenStore } from './tenants/token-store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    tenant: TenantPolicy;
  }
}

export interface AppDependencies {
  readonly cluster: Cluster;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log & FastifyBaseLogger;
  /** Undefined: plain HTTP. */
  readonly tls?: TlsIdentity | undefined;
}

export interface App {
  readonly app: FastifyInstance;
  readonly core: Core;
}

/** The dispatcher as a Fastify app that listens nowhere yet. Closing the app closes the core and the cluster. */
export const createApp = async (settings: DispatcherSettings, deps: AppDependencies): Promise<App> => {
  const { clock, log } = deps;
  const metrics: Metrics = createMetrics(() => observed(core), clock.epoch);
  const core = createCore({
    settings,
    cluster: deps.cluster,
    clock,
    random: deps.random,
    newId: deps.newId,
    log,
    finished: (finished) => {
      metrics.finished(finished);
      logFinished(log, finished);
    },
  });
  const app = createServer(settings, log, deps.tls);
  // Before the server waits for its open requests: what is left of them gets its answer now.
  app.addHook('preClose', () => core.drain(0));
  app.addHook('onClose', async () => {
    await core.close();
    await metrics.close();
  });
  const listener: ErrorListener = {
    httpError: metrics.httpError,
    internal: (error) => log.error({ err: error }, 'a request failed on our side'),
  };
  replyWithProblems(app, listener);
  takeOnlyJson(app);
  const { elastic } = deps.cluster;
  guard(app, settings, deps.tokens, elastic ? clusterPaths : new Set());
  const addRoutes = (target: FastifyInstance): void => {
    executionRoutes(target, { core, clock, heartbeatMs: settings.heartbeatMs });
    serviceRoutes(target, { core, clock, metrics, queueLimit: settings.queueLimit });
    healthRoutes(target, core, settings.version);
    pistonRoutes(target, { core, listener });
    plainRoutes(target, core);
  };
  addRoutes(app);
  if (elastic) clusterRoutes(app, elastic.door, deps.tls !== undefined);
  rootRoute(app, settings.version);
  documentationRoutes(app, settings.version, addRoutes);
  await app.ready();
  return { app, core };
};

const createServer = (
  settings: DispatcherSettings,
  log: FastifyBaseLogger,
  tls: TlsIdentity | undefined,
): FastifyInstance => {
  const app = fastify({
    loggerInstance: log,
    // Callers need no certificate. Executors and other dispatchers do: routes/cluster.ts looks at it.
    ...(tls && { https: { ...tls, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' } }),
    // One event per execution is logged by us; a child logger for each request would cost more than it tells.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    bodyLimit: settings.bodyLimitBytes,
    trustProxy: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, _request, reply) => sendProblem(reply, toPaddockError(error)),
  });
  // Schemas document, and the documentation has an app of its own: here bodies are validated once, by parseBody, and
  // answers are ours already. Left in place, Fastify would look for a validator and a serializer with each request.
  app.addHook('onRoute', (route) => {
    delete route.schema;
  });
  return app as unknown as FastifyInstance;
};

/** Bytes that are no UTF-8 are refused: decoded leniently, another program than the caller's would run. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Anything but JSON is a 415, which also keeps forms on other sites from posting here without a preflight. */
const takeOnlyJson = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(utf8.decode(body as Buffer)));
    } catch (error) {
      const message = `not valid JSON: ${error instanceof Error ? error.message : 'it cannot be read'}`;
      done(
        new PaddockError('invalid-request', {
          detail: 'The body is not JSON',
          errors: [{ path: '', message }],
        }),
      );
    }
  });
};

/** @param others paths that check for themselves who asks */
const guard = (
  app: FastifyInstance,
  settings: DispatcherSettings,
  tokens: TokenStore,
  others: ReadonlySet<string>,
): void => {
  const gate = createGate(settings, tokens);
  app.decorateRequest('tenant');
  app.addHook('onRequest', (request, reply, done) => {
    // First, so that what is refused has them too.
    reply.headers(securityHeaders);
    try {
      gate.checkHost(request.headers);
      const path = pathOf(request);
      if (!gate.isOpen(path) && !others.has(path)) request.tenant = gate.authenticate(request.headers);
      done();
    } catch (error) {
      done(toPaddockError(error));
    }
  });
};

const rootRoute = (app: FastifyInstance, version: string): void => {
  app.get('/', { schema: { hide: true } }, async () => ({
    service: 'paddock',
    version,
    docs: '/docs',
    openapi: '/openapi.json',
    execute: 'POST /v1/executions',
    runtimes: '/v1/runtimes',
  }));
};

const sizesOf = (report: PoolReport): PoolSizes => ({
  pool: report.spec.name,
  wanted: report.wanted,
  waiting: report.waiting,
  executors: {
    pending: report.counts.pending,
    starting: Math.max(0, report.supply.length - report.counts.pending - report.usable),
    ready: report.usable,
    retiring: report.launched.length - report.supply.length,
  },
});

const observed = (core: Core): Parameters<typeof createMetrics>[0] extends () => infer O ? O : never => {
  const members = [...core.fleet.members()];
  const warm = new Map<
    string,
    { runtime: string; version: string; stage: string; ready: number; target: number }
  >();
  for (const entry of members.flatMap(({ status }) => status?.warm ?? [])) {
    const { runtime, version, stage } = entry;
    const key = `${runtime} ${version} ${stage}`;
    const sum = warm.get(key) ?? { runtime, version, stage, ready: 0, target: 0 };
    warm.set(key, { ...sum, ready: sum.ready + entry.ready, target: sum.target + entry.target });
  }
  return {
    waiting: core.waiting().total,
    running: core.running(),
    executors: members.filter((member) => member.status?.state === 'ready').length,
    warm: [...warm.values()],
    pools: core.pools?.reports().map(sizesOf) ?? [],
  };
};

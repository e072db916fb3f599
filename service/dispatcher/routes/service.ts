import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../cluster/clock.ts';
import {
  type ExecutorsResponse,
  executorsResponseSchema,
  type PoolsResponse,
  poolsResponseSchema,
  runtimesResponseSchema,
  type StatsResponse,
  statsResponseSchema,
} from '../../contracts/service.ts';
import type { Core } from '../core.ts';
import { isUsable, type Member } from '../member.ts';
import type { Metrics } from '../metrics.ts';
import type { PoolReport } from '../pools/keeper.ts';
import { jsonResponse, problemResponses } from './documentation.ts';

export interface ServiceRoutesOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly queueLimit: number;
}

export const serviceRoutes = (app: FastifyInstance, options: ServiceRoutesOptions): void => {
  const { core, clock, metrics } = options;
  const get = (url: string, summary: string, schema: object, answer: () => object): void => {
    const response = { 200: jsonResponse(summary, schema), ...problemResponses(401, 403) };
    app.get(url, { schema: { summary, tags: ['service'], response } }, async () => answer());
  };
  get('/v1/runtimes', 'Runtimes and their versions', runtimesResponseSchema, () => ({
    runtimes: core.runtimes(),
  }));
  get('/v1/executors', 'Executors and their state', executorsResponseSchema, () =>
    executorsOf(core, clock.now()),
  );
  get('/v1/pools', 'Pools of like executors', poolsResponseSchema, () => poolsOf(core));
  get('/v1/stats', 'Queue, executions and latency', statsResponseSchema, (): StatsResponse => {
    const waiting = core.waiting();
    return {
      uptimeSeconds: Math.round(clock.now() - core.startedAt) / 1_000,
      queue: { waiting: waiting.total, limit: options.queueLimit, tenants: waiting.tenants },
      running: core.running(),
      executions: metrics.total(),
      latency: core.recent.latency(),
    };
  });
  app.get(
    '/metrics',
    {
      schema: {
        summary: 'Metrics in Prometheus form',
        tags: ['service'],
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: { type: 'string' } } } },
          ...problemResponses(401, 403),
        },
      },
    },
    async (_request, reply) => {
      reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      return reply.serializer(String).send(await metrics.render());
    },
  );
};

const executorsOf = (core: Core, now: number): ExecutorsResponse => ({
  executors: [...core.fleet.members()].flatMap(({ status, address, lastSeen }) => {
    if (!status) return [];
    const { runtimes: _, ...rest } = status;
    return [{ ...rest, id: address.id, pool: address.pool, lastSeenMs: Math.round(now - lastSeen) }];
  }),
});

const capabilitiesOf = (report: PoolReport | undefined): readonly string[] => report?.spec.capabilities ?? [];

const sizeOf = (report: PoolReport | undefined): Partial<PoolsResponse['pools'][number]> =>
  report
    ? {
        minimum: report.spec.minimum,
        maximum: report.spec.maximum,
        wanted: report.wanted,
        waiting: report.waiting,
        launched: report.counts,
        pending: report.reasons.map((reason) => ({ reason })),
      }
    : {};

const poolsOf = (core: Core): PoolsResponse => {
  const pools = new Map<string, Member[]>();
  for (const member of core.fleet.members()) {
    pools.set(member.address.pool, [...(pools.get(member.address.pool) ?? []), member]);
  }
  const reports = new Map(core.pools?.reports().map((report) => [report.spec.name, report]));
  for (const name of reports.keys()) if (!pools.has(name)) pools.set(name, []);
  return {
    leader: core.pools?.leads(),
    pools: [...pools].map(([name, members]) => {
      const report = reports.get(name);
      const held = [...members.flatMap((member) => [...member.capabilities]), ...capabilitiesOf(report)];
      const usable = members.filter(isUsable);
      const sum = (of: (member: Member) => number): number =>
        usable.reduce((total, member) => total + of(member), 0);
      const running = (member: Member): number => Math.max(member.inFlight, member.status?.running ?? 0);
      return {
        name,
        executors: members.length,
        capabilities: [...new Set(held)],
        running: sum(running),
        room: sum((member) => Math.max(0, (member.status?.maxRunning ?? 0) - running(member))),
        runtimes: [...new Set(members.flatMap((member) => [...member.serves]))].sort(),
        ...sizeOf(report),
      };
    }),
  };
};

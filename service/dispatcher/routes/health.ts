import type { FastifyInstance, FastifySchema } from 'fastify';
import type { z } from 'zod';
import { healthResponseSchema } from '../../contracts/service.ts';
import type { Core } from '../core.ts';
import { jsonResponse } from './documentation.ts';

type Health = z.infer<typeof healthResponseSchema>;

export const healthRoutes = (app: FastifyInstance, core: Core, version: string): void => {
  const health = (): Health => {
    const executors = [...core.fleet.members()];
    const isolations = executors.flatMap(({ status }) => (status ? [status.isolation] : []));
    const weakest = isolations.toSorted((a, b) => b.weaker.length - a.weaker.length)[0];
    return { status: statusOf(core, executors.length), version, isolation: weakest };
  };
  const well = jsonResponse('Well', healthResponseSchema);
  const documented = (summary: string, response: object): { schema: FastifySchema } => ({
    schema: { summary, tags: ['service'], security: [], response },
  });

  const alive = documented('Whether the service is alive, and how well it isolates', { 200: well });
  app.get('/healthz', alive, async () => health());

  const unready = jsonResponse('Not now', healthResponseSchema);
  const ready = documented('Whether it takes executions now', { 200: well, 503: unready });
  app.get('/readyz', ready, async (_request, reply) => {
    const now = health();
    reply.code(now.status === 'ok' || now.status === 'idle' ? 200 : 503);
    return now;
  });
};

const statusOf = (core: Core, executors: number): Health['status'] => {
  if (core.draining()) return 'draining';
  if (core.fleet.isReady()) return 'ok';
  if (core.pools?.startOnDemand()) return 'idle';
  return executors > 0 ? 'starting' : 'no-executor';
};

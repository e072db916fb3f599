import type { FastifyInstance } from 'fastify';
import type { Door } from '../../cluster/port.ts';
import { demandReportSchema, registrationSchema } from '../../contracts/cluster-api.ts';
import { parseBody } from '../problem-replies.ts';

/** Answered by the cluster itself: who asks here is no tenant, and shows no tenant's token. */
export const clusterPaths: ReadonlySet<string> = new Set(['/cluster/executors', '/cluster/demand']);

const bodyLimit = 65_536;

/** What executors and other dispatchers say to this one. No part of the public API. */
export const clusterRoutes = (app: FastifyInstance, door: Door): void => {
  app.post('/cluster/executors', { bodyLimit, schema: { hide: true } }, async (request, reply) => {
    await door.executor(request.headers.authorization, parseBody(registrationSchema, request.body));
    return reply.code(204).send();
  });
  app.post('/cluster/demand', { bodyLimit, schema: { hide: true } }, async (request, reply) => {
    await door.demand(request.headers.authorization, parseBody(demandReportSchema, request.body));
    return reply.code(204).send();
  });
};

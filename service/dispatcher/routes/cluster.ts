import { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Door } from '../../cluster/port.ts';
import { demandReportSchema, registrationSchema } from '../../contracts/cluster-api.ts';
import { PaddockError } from '../../contracts/errors.ts';
import { parseBody } from '../problem-replies.ts';

/** Answered by the cluster itself: who asks here is no tenant, and shows no tenant's token. */
export const clusterPaths: ReadonlySet<string> = new Set(['/cluster/executors', '/cluster/demand']);

const bodyLimit = 65_536;

/** What executors and other dispatchers say to this one. No part of the public API. */
export const clusterRoutes = (app: FastifyInstance, door: Door, secure: boolean): void => {
  // Where there is TLS, both ends show a certificate of the same authority, on top of their tokens.
  const onRequest = (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const { socket } = request.raw;
    const isKnown = !secure || (socket instanceof TLSSocket && socket.authorized);
    if (isKnown) done();
    else done(new PaddockError('unauthorized', { detail: 'A client certificate of the cluster is needed' }));
  };
  app.post('/cluster/executors', { bodyLimit, onRequest, schema: { hide: true } }, async (request, reply) => {
    await door.executor(request.headers.authorization, parseBody(registrationSchema, request.body));
    return reply.code(204).send();
  });
  app.post('/cluster/demand', { bodyLimit, onRequest, schema: { hide: true } }, async (request, reply) => {
    await door.demand(request.headers.authorization, parseBody(demandReportSchema, request.body));
    return reply.code(204).send();
  });
};

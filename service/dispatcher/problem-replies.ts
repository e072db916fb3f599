import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { faultsOf, PaddockError } from '../contracts/errors.ts';

export interface ErrorListener {
  httpError(code: string): void;
  /** Something of ours went wrong: told to the operator, never to the caller. */
  internal(error: unknown): void;
}

/** Validates a body or throws `invalid-request` with the path of every fault. */
export const parseBody = <S extends z.ZodType>(schema: S, body: unknown): z.output<S> => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new PaddockError('invalid-request', {
    detail: 'The request is not valid',
    errors: faultsOf(parsed.error),
  });
};

/** Whatever was thrown as an error for the caller. */
export const toPaddockError = (error: unknown): PaddockError => {
  if (error instanceof PaddockError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const message = error instanceof Error ? error.message : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new PaddockError('payload-too-large', { detail: message });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new PaddockError('unsupported-media-type', { detail: 'Send Content-Type: application/json' });
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
      return new PaddockError('invalid-request', {
        detail: message,
        errors: [{ path: '', message: message ?? '' }],
      });
    default:
      return new PaddockError('internal', {}, { cause: error });
  }
};

export const sendProblem = (reply: FastifyReply, error: PaddockError): FastifyReply => {
  const problem = error.toProblem();
  if (problem.retryAfterMs !== undefined) {
    reply.header('retry-after', String(Math.max(1, Math.ceil(problem.retryAfterMs / 1_000))));
  }
  if (error.code === 'unauthorized') reply.header('www-authenticate', 'Bearer');
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problem);
};

/** Counts it. What an execution threw is in its own log event already; anything else of ours is logged here. */
export const noteError = (listener: ErrorListener, thrown: unknown, error: PaddockError): void => {
  if (error !== thrown && error.code === 'internal') listener.internal(thrown);
  listener.httpError(error.code);
};

const mostDiscardedBytes = 64 * 1024 * 1024;
const longestDiscardMs = 5_000;

/**
 * Reads what the client still sends, within bounds. A connection closed on unread data is reset, and a client that is
 * still sending would see that instead of the answer.
 */
const discardBody = (body: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    let discarded = 0;
    const timer = setTimeout(resolve, longestDiscardMs);
    const finish = (): void => {
      clearTimeout(timer);
      resolve();
    };
    body.on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > mostDiscardedBytes) finish();
    });
    for (const event of ['end', 'close', 'error']) body.once(event, finish);
    body.resume();
  });

/** Every error as problem+json: ours, Fastify's, unknown paths and wrong methods. */
export const replyWithProblems = (app: FastifyInstance, listener: ErrorListener): void => {
  app.setErrorHandler(async (thrown: FastifyError | Error, request, reply) => {
    const error = toPaddockError(thrown);
    noteError(listener, thrown, error);
    if (error.code === 'payload-too-large') await discardBody(request.raw);
    return sendProblem(reply, error);
  });
  app.setNotFoundHandler((request, reply) => {
    const error = notFound(app, request);
    listener.httpError(error.code);
    if (error.code === 'method-not-allowed')
      reply.header('allow', allowedMethods(app, pathOf(request)).join(', '));
    return sendProblem(reply, error);
  });
};

export const pathOf = (request: FastifyRequest): string => {
  const query = request.url.indexOf('?');
  return query === -1 ? request.url : request.url.slice(0, query);
};

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const allowedMethods = (app: FastifyInstance, url: string): string[] =>
  methods.filter((method) => app.hasRoute({ method, url }));

const notFound = (app: FastifyInstance, request: FastifyRequest): PaddockError => {
  const path = pathOf(request);
  const allowed = allowedMethods(app, path);
  if (allowed.length === 0) return new PaddockError('not-found', { detail: `There is nothing at ${path}` });
  return new PaddockError('method-not-allowed', { detail: `${path} takes ${allowed.join(', ')}` });
};

import type { FastifyInstance, FastifyReply } from 'fastify';
import { PaddockError } from '../../contracts/errors.ts';
import { executionRequestSchema } from '../../contracts/execution.ts';
import type { Core } from '../core.ts';
import { type ErrorListener, noteError, parseBody, toPaddockError } from '../problem-replies.ts';
import { executeFor } from '../routes/execute.ts';
import { executionOf, PistonFault, pistonRequestSchema, readPistonRequest } from './piston-request.ts';
import { pistonResult } from './piston-result.ts';

export interface PistonOptions {
  readonly core: Core;
  readonly listener: ErrorListener;
}

/** Piston's API, version 2, for clients written against it: its fields, its units, its errors. */
export const pistonRoutes = (app: FastifyInstance, { core, listener }: PistonOptions): void => {
  void app.register(async (scope) => {
    scope.setErrorHandler((thrown: Error, _request, reply) => sendMessage(reply, thrown, listener));
    scope.get(
      '/api/v2/runtimes',
      { schema: { summary: 'Runtimes, as Piston lists them', tags: ['compatibility'] } },
      async () =>
        core
          .runtimes()
          .filter((runtime) => runtime.available)
          .map(({ name, version, aliases }) => ({ language: name, version, aliases })),
    );
    const schema = {
      summary: 'Run a program, as with Piston',
      tags: ['compatibility'],
      body: pistonRequestSchema,
    };
    scope.post('/api/v2/execute', { schema }, async (request, reply) => {
      const asked = readPistonRequest(request.body);
      const runtime = findRuntime(core, asked.language, asked.version);
      const execution = parseBody(
        executionRequestSchema,
        executionOf(asked, runtime, request.tenant.maxLimits),
      );
      return pistonResult(await executeFor(core, execution, request, reply));
    });
  });
};

const findRuntime = (core: Core, language: string, version: string) => {
  try {
    return core.resolve(language, version);
  } catch (error) {
    if (
      error instanceof PaddockError &&
      (error.code === 'unknown-runtime' || error.code === 'unknown-version')
    ) {
      throw new PistonFault(`${language}-${version} runtime is unknown`, { cause: error });
    }
    throw error;
  }
};

/** Piston tells errors as `{message}`: 400 for a bad request. Ours keep their status, so that a full queue is a 503. */
const sendMessage = (reply: FastifyReply, thrown: Error, listener: ErrorListener): FastifyReply => {
  if (thrown instanceof PistonFault) {
    listener.httpError('invalid-request');
    return reply.code(400).send({ message: thrown.message });
  }
  const error = toPaddockError(thrown);
  noteError(listener, thrown, error);
  const { retryAfterMs, errors } = error.details;
  if (retryAfterMs !== undefined)
    reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1_000))));
  if (error.code === 'unsupported-media-type') {
    return reply.code(415).send({ message: 'requests must be of type application/json' });
  }
  const faults = errors
    ?.map((fault) => (fault.path ? `${fault.path}: ${fault.message}` : fault.message))
    .join('; ');
  return reply.code(error.status).send({ message: faults || error.message });
};

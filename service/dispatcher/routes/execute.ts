import type { FastifyReply, FastifyRequest } from 'fastify';
import { PaddockError } from '../../contracts/errors.ts';
import type { ExecutionRequest, ExecutionResult } from '../../contracts/execution.ts';
import type { Core } from '../core.ts';

/** Runs it and waits; a caller that goes away takes it out of the queue or stops it. */
export const executeFor = async (
  core: Core,
  execution: ExecutionRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<ExecutionResult> => {
  const accepted = core.accept(execution, request.tenant);
  const onClose = (): void => {
    if (!reply.raw.writableFinished)
      accepted.cancel(new PaddockError('client-closed', { executionId: accepted.id }));
  };
  reply.raw.once('close', onClose);
  try {
    return await accepted.result;
  } finally {
    reply.raw.off('close', onClose);
  }
};

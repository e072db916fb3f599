import type { FastifyInstance } from 'fastify';
import { executionRequestSchema, executionResultSchema } from '../../contracts/execution.ts';
import { parseBody } from '../problem-replies.ts';
import { problemResponses } from './documentation.ts';
import { executeFor } from './execute.ts';
import { type StreamOptions, streamExecution } from './execution-stream.ts';

export const executionRoutes = (app: FastifyInstance, options: StreamOptions): void => {
  app.post(
    '/v1/executions',
    {
      schema: {
        operationId: 'execute',
        summary: 'Run a program',
        description:
          'Waits for the result. What the program does, failing included, is data in a 200. With `Accept: text/event-stream` its output comes as events `output`, then one event `result` (an ExecutionResult) or `error` (a Problem). Where executors start on demand, events `pending` (a PendingEvent) tell what it waits for; while an image is pulled, events `image-pulling` (an ImagePulling) do.',
        tags: ['executions'],
        body: executionRequestSchema,
        response: {
          200: {
            description: 'The execution ended',
            content: {
              'application/json': { schema: executionResultSchema },
              'text/event-stream': { schema: { type: 'string' } },
            },
          },
          ...problemResponses(400, 401, 403, 404, 413, 415, 422, 429, 500, 502, 503, 504),
        },
      },
    },
    async (request, reply) => {
      const execution = parseBody(executionRequestSchema, request.body);
      if (request.headers.accept?.includes('text/event-stream')) {
        await streamExecution(options, execution, request, reply);
        return reply;
      }
      return executeFor(options.core, execution, request, reply);
    },
  );
};

import { constants } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { executionRequestSchema, type Stage } from '../../contracts/execution.ts';
import type { Core } from '../core.ts';
import { parseBody } from '../problem-replies.ts';
import { jsonResponse, problemResponses } from '../routes/documentation.ts';
import { executeFor } from '../routes/execute.ts';
import { textOf } from './text.ts';

const plainRequestSchema = z
  .object({ language: z.string().min(1), code: z.string(), stdin: z.string().default('') })
  .meta({ id: 'PlainRequest' });
const plainResponseSchema = z
  .object({ stdout: z.string(), stderr: z.string(), code: z.int() })
  .meta({ id: 'PlainResponse' });

/** The plainest interface there is: a program in, what it wrote and its exit code out. */
export const plainRoutes = (app: FastifyInstance, core: Core): void => {
  const schema = {
    summary: 'Run a program, plainly',
    tags: ['compatibility'],
    body: plainRequestSchema,
    response: { 200: jsonResponse('What it did', plainResponseSchema), ...problemResponses(400, 404, 503) },
  };
  app.post('/execute', { schema }, async (request, reply) => {
    const { language, code, stdin } = parseBody(plainRequestSchema, request.body);
    const execution = parseBody(executionRequestSchema, { runtime: language, code, stdin });
    const result = await executeFor(core, execution, request, reply);
    // Without a run the compilation failed, and is all there is to show.
    return plainResult(result.run ?? result.compile);
  });
};

const plainResult = (stage: Stage | undefined): z.infer<typeof plainResponseSchema> => {
  if (!stage) return { stdout: '', stderr: '', code: 1 };
  const stderr = textOf(stage.stderr, stage.stderrEncoding);
  return {
    stdout: textOf(stage.stdout, stage.stdoutEncoding),
    stderr: stage.message
      ? `${stderr}${stderr && !stderr.endsWith('\n') ? '\n' : ''}${stage.message}\n`
      : stderr,
    code: stage.exitCode ?? shellCode(stage.signal),
  };
};

/** As a shell tells of a program that a signal ended: 128 and the signal's number. */
const shellCode = (signal: string | null): number => {
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return 128 + (number ?? constants.signals.SIGKILL);
};

import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../cluster/clock.ts';
import { PaddockError } from '../../contracts/errors.ts';
import type { ExecutionRequest } from '../../contracts/execution.ts';
import type { Core } from '../core.ts';
import { toPaddockError } from '../problem-replies.ts';

export interface StreamOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

/**
 * Answers with server-sent events: `output` as it comes, then one `result` or `error`. What is refused at once is
 * still an HTTP error; from then on the status is 200 and failures are events.
 */
export const streamExecution = async (
  { core, clock, heartbeatMs }: StreamOptions,
  execution: ExecutionRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> => {
  const raw = reply.raw;
  const write = (text: string): boolean => raw.destroyed || raw.write(text);
  const send = (event: string, data: object): boolean =>
    write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const gone = new AbortController();

  const accepted = core.accept(execution, request.tenant, async (output) => {
    // A caller that reads slowly slows the reading of the executor's answer down, and buffers nothing here.
    if (!send('output', output)) await once(raw, 'drain', { signal: gone.signal }).catch(() => {});
  });
  reply.hijack();
  const onClose = (): void => {
    gone.abort();
    accepted.cancel(new PaddockError('client-closed', { executionId: accepted.id }));
  };
  raw.once('close', onClose);
  raw.writeHead(200, {
    ...headersOf(reply),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  write(': accepted\n\n');
  let stopHeartbeat = (): void => {};
  const heartbeat = (): void => {
    write(': waiting\n\n');
    stopHeartbeat = clock.after(heartbeatMs, heartbeat);
  };
  stopHeartbeat = clock.after(heartbeatMs, heartbeat);
  try {
    send('result', await accepted.result);
  } catch (error) {
    send('error', toPaddockError(error).toProblem());
  } finally {
    stopHeartbeat();
    raw.off('close', onClose);
    raw.end();
  }
};

/** What hooks have set so far: hijacking leaves it to us to send it. */
const headersOf = (reply: FastifyReply): Record<string, string | number | string[]> =>
  Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );

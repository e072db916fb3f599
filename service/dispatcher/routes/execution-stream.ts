import { once } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../cluster/clock.ts';
import { PaddockError } from '../../contracts/errors.ts';
import type { ExecutionRequest } from '../../contracts/execution.ts';
import type { Accepted, Core } from '../core.ts';
import { toPaddockError } from '../problem-replies.ts';

/** How often it is looked whether an execution waits for a pool without an executor, and how that is. */
const pendingEveryMs = 250;

export interface StreamOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly heartbeatMs: number;
}

/**
 * Answers with server-sent events: `pending` while it waits for the first executor of a pool, `output` as it comes, then one `result` or `error`. What is refused at once is
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
  const stopPending = tellWaiting(accepted, clock, send);
  try {
    send('result', await accepted.result);
  } catch (error) {
    send('error', toPaddockError(error).toProblem());
  } finally {
    stopHeartbeat();
    stopPending();
    raw.off('close', onClose);
    raw.end();
  }
};

/** Tells of each pool, and of the image, that it waits for, at first and on each change. The answer ends that. */
const tellWaiting = (
  { pending, pulling }: Accepted,
  clock: Clock,
  send: (event: string, data: object) => void,
): (() => void) => {
  const told = new Map<string, string>();
  let stop = (): void => {};
  const tell = (name: string, about: string, event: object): void => {
    const text = JSON.stringify(event);
    if (told.get(`${name} ${about}`) === text) return;
    told.set(`${name} ${about}`, text);
    send(name, event);
  };
  const look = (): void => {
    for (const event of pending?.() ?? []) tell('pending', event.pool, event);
    const image = pulling();
    if (image) tell('image-pulling', image.image, image);
    stop = clock.after(pendingEveryMs, look);
  };
  stop = clock.after(pendingEveryMs, look);
  return () => stop();
};

/** What hooks have set so far: hijacking leaves it to us to send it. */
const headersOf = (reply: FastifyReply): Record<string, string | number | string[]> =>
  Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );

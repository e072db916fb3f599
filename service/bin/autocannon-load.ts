import { TLSSocket } from 'node:tls';
import autocannon from 'autocannon';
import type { GenerateLoad, LoadOrder } from '../cli/bench/load.ts';
import { createPace, type Pace } from '../cli/bench/pace.ts';
import type { ServiceTrust } from './service-trust.ts';

/** How often autocannon looks whether it is time to end, in ms. */
const TICK_MS = 100;

/** autocannon opens the connections, keeps them busy and takes the times. */
export const generateLoad = (order: LoadOrder, trust?: ServiceTrust): ReturnType<GenerateLoad> =>
  new Promise((resolve, reject) => {
    const pace = order.perSecond === undefined ? undefined : createPace(order.perSecond, clock);
    const late = new WeakMap<object, number>();
    let answered = { status: 0, ms: 0 };
    const started = performance.now();
    const run = autocannon(
      {
        ...requestsOf(order),
        ...(trust && { tlsOptions: trust }),
        connections: order.connections,
        duration: order.durationMs / 1_000,
        sampleInt: TICK_MS,
        timeout: Math.ceil(order.timeoutMs / 1_000),
        setupClient: (client) => {
          if (order.url.startsWith('https:')) demandTrust(client);
          if (pace) hold(client, pace, late);
        },
        // It tells of a response, then at once asks for a verdict on its body.
        verifyBody: (body) => {
          order.onAnswer(answered.status, String(body ?? ''), answered.ms);
          return true;
        },
      },
      (error: unknown) => {
        pace?.stop();
        order.signal.removeEventListener('abort', stop);
        if (error) reject(asError(error));
        else resolve({ elapsedMs: performance.now() - started, unsent: pace?.behind() ?? 0 });
      },
    );
    const stop = (): void => run.stop?.();
    run.on('response', (client, status, _bytes, took) => {
      answered = { status, ms: took + (late.get(client) ?? 0) };
    });
    run.on('reqError', (error: unknown) => order.onFault(asError(error)));
    order.signal.addEventListener('abort', stop, { once: true });
    if (order.signal.aborted) stop();
  });

const requestsOf = (order: LoadOrder): autocannon.Options => {
  const always = { url: order.url, method: 'POST', headers: { ...order.headers } } as const;
  if (order.fixed) return { ...always, body: order.body(0) };
  let sent = 0;
  return {
    ...always,
    requests: [{ setupRequest: (request) => ({ ...request, body: order.body(sent++) }) }],
  };
};

const clock = {
  now: () => performance.now(),
  after: (ms: number, call: () => void) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Makes a connection wait for its turn before each request. autocannon's own rate sends all of a second's requests at
 * its beginning, as fast as they are answered: that measures a burst. It has no hook for this, so the method is replaced.
 */
const hold = (client: object, pace: Pace, late: WeakMap<object, number>): void => {
  if (!isSender(client)) throw new Error('this autocannon sends requests in another way');
  const send = client._doRequest.bind(client);
  client._doRequest = () =>
    pace.next((lateMs) => {
      if (client.destroyed) return;
      late.set(client, lateMs);
      send();
    });
};

/**
 * autocannon takes any certificate, whatever it is told. So a connection is ended here before anything is sent on it:
 * what is written waits for the handshake.
 */
const demandTrust = (client: object): void => {
  if (!isConnector(client)) throw new Error('this autocannon connects in another way');
  const connect = client._connect.bind(client);
  client._connect = () => {
    connect();
    const { conn } = client;
    if (!(conn instanceof TLSSocket)) throw new Error('this autocannon connects in another way');
    conn.prependOnceListener('secureConnect', () => {
      if (!conn.authorized) conn.destroy(asError(conn.authorizationError));
    });
  };
};

interface Connector {
  _connect: () => void;
  readonly conn?: unknown;
}

const isConnector = (client: object): client is Connector =>
  '_connect' in client && typeof client._connect === 'function';

interface Sender {
  _doRequest: () => void;
  readonly destroyed: boolean;
}

const isSender = (client: object): client is Sender =>
  '_doRequest' in client && typeof client._doRequest === 'function' && 'destroyed' in client;

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

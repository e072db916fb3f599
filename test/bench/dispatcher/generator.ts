import { Client, type Dispatcher } from 'undici';

/*
 * Many keep-alive connections in a process of its own, each with its next request as soon as it has the answer to the
 * last. Told {url, token, connections, seconds, body} over IPC, says {ended, latencies} after as many seconds; a
 * failure ends it.
 */
export interface Load {
  readonly url: string;
  readonly token: string;
  readonly connections: number;
  readonly seconds: number;
  readonly body: string;
}

export interface Driven {
  readonly ended: number;
  /** The last answer, to be looked at. */
  readonly answer: string;
  readonly seconds: number;
  /** In ms. */
  readonly p50: number;
  readonly p99: number;
}

/** Straight on undici's dispatch: its promises and streams would cost half of what the dispatcher costs. */
const post = (client: Client, options: Dispatcher.DispatchOptions, ended: (answer: string) => void): void => {
  let status = 0;
  const chunks: Buffer[] = [];
  client.dispatch(options, {
    onRequestStart: () => {},
    onResponseStart: (_controller, statusCode) => {
      status = statusCode;
    },
    onResponseData: (_controller, chunk) => void chunks.push(chunk),
    onResponseEnd: () => {
      const answer = Buffer.concat(chunks).toString();
      if (status !== 200) throw new Error(`an execution answered ${status}: ${answer}`);
      ended(answer);
    },
    onResponseError: (_controller, error) => {
      throw error;
    },
  });
};

const drive = (load: Load): Promise<Driven> =>
  new Promise((resolve) => {
    const headers = { authorization: `Bearer ${load.token}`, 'content-type': 'application/json' };
    const options = { path: '/v1/executions', method: 'POST', headers, body: load.body };
    const startedAt = performance.now();
    const until = startedAt + load.seconds * 1_000;
    const latencies: number[] = [];
    let open = load.connections;
    const finish = (answer: string): void => {
      latencies.sort((a, b) => a - b);
      const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
      const seconds = (performance.now() - startedAt) / 1_000;
      resolve({ ended: latencies.length, answer, seconds, p50: at(0.5), p99: at(0.99) });
    };
    for (let connection = 0; connection < load.connections; connection++) {
      const client = new Client(load.url, { headersTimeout: 0, bodyTimeout: 0 });
      const next = (): void => {
        const sentAt = performance.now();
        post(client, options, (answer) => {
          const now = performance.now();
          latencies.push(now - sentAt);
          if (now < until) return next();
          client.destroy().catch(() => {});
          if (--open === 0) finish(answer);
        });
      };
      next();
    }
  });

process.on('message', async (load: Load) => {
  process.send?.(await drive(load));
});

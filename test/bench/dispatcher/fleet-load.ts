import { type Connection, openConnection } from '../load/connection.ts';
import { requestBytes } from '../load/target.ts';
import { percentile } from '../statistics.ts';

/*
 * Executions at a given rate whether or not the last ones were answered, at random moments as callers are that know
 * nothing of each other. Told {url, token, runtimes, perSecond, rampSeconds, seconds} over IPC, says what came of it.
 */
export interface FleetLoad {
  readonly url: string;
  readonly token: string;
  readonly runtimes: readonly string[];
  readonly perSecond: number;
  /** Not counted. */
  readonly rampSeconds: number;
  readonly seconds: number;
}

/** Times in ms, from when an execution was due, so that nothing that waits is left out. */
export interface FleetDriven {
  /** Answers in the window. */
  readonly perSecond: number;
  /** Answers other than 200. */
  readonly refused: number;
  /** What the dispatcher adds: without the time that the fake executor pretends to run. */
  readonly p50: number;
  readonly p99: number;
  /** By how much this process itself was late with its requests; part of the others. */
  readonly lateP99: number;
  readonly connections: number;
}

const drive = async (load: FleetLoad): Promise<FleetDriven> => {
  const url = new URL(load.url);
  const headers = { authorization: `Bearer ${load.token}` };
  const requests = load.runtimes.map((runtime) => {
    const body = JSON.stringify({ runtime, code: 'print("hello")\n' });
    return Buffer.from(requestBytes(url, '/v1/executions', headers, body));
  });
  const idle: Connection[] = [];
  let connections = 0;
  let sent = 0;
  let open = 0;
  let refused = 0;
  const [added, late]: [number[], number[]] = [[], []];
  const startedAt = performance.now();
  const from = startedAt + load.rampSeconds * 1_000;
  const until = from + load.seconds * 1_000;
  let ended = 0;

  const one = async (due: number): Promise<void> => {
    let connection = idle.pop();
    if (!connection) {
      connection = openConnection(url);
      connections++;
    }
    open++;
    const sentAt = performance.now();
    const request = requests[sent++ % requests.length] ?? Buffer.alloc(0);
    const { status, body } = await connection.send(request);
    const now = performance.now();
    idle.push(connection);
    open--;
    if (now >= from && now < until) ended++;
    if (due < from || due >= until) return;
    if (status !== 200) refused++;
    const ran = Number(/"runMs":([\d.]+)/.exec(body)?.[1] ?? 0);
    if (status === 200 && ran === 0) throw new Error(`an execution did not end as expected: ${body}`);
    added.push(now - due - ran);
    late.push(sentAt - due);
  };

  await new Promise<void>((resolve) => {
    let due = startedAt;
    const tick = (): void => {
      const now = performance.now();
      for (; due <= now && due < until; due += (-Math.log(1 - Math.random()) * 1_000) / load.perSecond) {
        void one(due);
      }
      if (due >= until && open === 0) resolve();
      else setTimeout(tick, 1);
    };
    tick();
  });
  for (const connection of idle) connection.close();
  return {
    perSecond: ended / load.seconds,
    refused,
    p50: percentile(added, 0.5),
    p99: percentile(added, 0.99),
    lateP99: percentile(late, 0.99),
    connections,
  };
};

process.on('message', async (load: FleetLoad) => {
  process.send?.(await drive(load));
});

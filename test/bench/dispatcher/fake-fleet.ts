import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { PaddockError } from '../../../service/contracts/errors.ts';
import { formatLoad, loadHeader } from '../../../service/contracts/executor-load.ts';
import { fakeResult, fakeStatus } from './fake-status.ts';

/*
 * Many executors in one process, each on a port of its own, that answer after a pretended run. Straight on the socket:
 * they share the machine with the dispatcher that is measured. Told {executors, maxRunning, runtimes} over IPC, says {urls}.
 */
export interface FleetOrder {
  readonly executors: number;
  readonly maxRunning: number;
  readonly runtimes: readonly string[];
}

const RUN_MS = { least: 20, most: 100 };
/** Until a warm sandbox that was taken has been made anew. */
const MAKING_MS = 60;
const WARM = 2;
const CATALOGUE = 'fake';
const HEAD_END = '\r\n\r\n';

/** As a real one says it, whose connections last as long. */
const KEPT = 'connection: keep-alive\r\nkeep-alive: timeout=60\r\n';

const answer = (status: string, body: string, more = ''): string =>
  `HTTP/1.1 ${status}\r\n${KEPT}content-type: application/json\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const busy = JSON.stringify(new PaddockError('executor-busy').toProblem());

const createExecutor = ({ maxRunning, runtimes }: FleetOrder, id: string) => {
  const warm = new Map(runtimes.map((name) => [name, WARM]));
  let running = 0;

  const status = (known: boolean): string => {
    const { runtimes: served, capabilities, isolation, node, startedAt, ...brief } = fakeStatus(id, runtimes);
    const now = {
      ...brief,
      catalogue: CATALOGUE,
      running,
      maxRunning,
      warm: brief.warm.map((entry) => ({ ...entry, ready: warm.get(entry.runtime) ?? 0 })),
    };
    const lasting = { runtimes: served, capabilities, isolation, node, startedAt };
    return answer('200 OK', JSON.stringify(known ? now : { ...lasting, ...now }));
  };
  const load = (name: string): string =>
    `${loadHeader}: ${formatLoad({ running, maxRunning, state: 'ready', catalogue: CATALOGUE, warm: warm.get(name) })}\r\n`;
  const add = (name: string, by: number): void => {
    warm.set(name, (warm.get(name) ?? 0) + by);
  };
  const execute = (socket: Socket, body: string): void => {
    const name = /"runtime":"([^"]+)"/.exec(body)?.[1] ?? '';
    if (running >= maxRunning) return void socket.write(answer('503 Busy', busy, load(name)));
    running++;
    const isWarm = (warm.get(name) ?? 0) > 0;
    if (isWarm) {
      add(name, -1);
      setTimeout(add, MAKING_MS, name, 1);
    }
    const startedAt = performance.now();
    const ms = RUN_MS.least + Math.random() * (RUN_MS.most - RUN_MS.least);
    setTimeout(() => {
      running--;
      const result = fakeResult(performance.now() - startedAt, isWarm);
      if (!socket.destroyed) socket.write(answer('200 OK', JSON.stringify(result), load(name)));
    }, ms);
  };
  return (socket: Socket, head: string, body: string): void => {
    if (head.startsWith('GET')) socket.write(status(head.startsWith(`GET /status?known=${CATALOGUE} `)));
    else execute(socket, body);
  };
};

const listen = async (order: FleetOrder, number: number): Promise<string> => {
  const handle = createExecutor(order, `fake-${number}`);
  const server = createServer({ noDelay: true }, (socket) => {
    let received = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('data', (text: string) => {
      received += text;
      const at = received.indexOf(HEAD_END);
      if (at === -1) return;
      const head = received.slice(0, at);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      const start = at + HEAD_END.length;
      if (received.length < start + length) return;
      const body = received.slice(start, start + length);
      received = '';
      handle(socket, head, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

process.once('message', async (order: FleetOrder) => {
  const numbers = Array.from({ length: order.executors }, (_, number) => number);
  process.send?.({ urls: await Promise.all(numbers.map((number) => listen(order, number))) });
});
process.once('disconnect', () => process.exit());

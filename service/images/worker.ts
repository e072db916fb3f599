import { parentPort, workerData } from 'node:worker_threads';
import { ImageError } from './image-error.ts';
import { ingest } from './ingest.ts';
import { scanLayers } from './scan.ts';
import type { WorkerMessage, WorkerOrder } from './worker-order.ts';

/** A thread of its own for reading and hashing, so that an executor goes on answering meanwhile. */
const say = (message: WorkerMessage): void => parentPort?.postMessage(message);

const work = async (order: WorkerOrder): Promise<unknown> => {
  if (order.task === 'ingest') return ingest(order.order, (done) => say({ kind: 'progress', done }));
  let done = 0;
  let told = 0;
  return scanLayers(order.layers, order.limits, (bytes) => {
    done += bytes;
    if (done - told < 4 * 1024 ** 2) return;
    told = done;
    say({ kind: 'progress', done });
  });
};

try {
  say({ kind: 'result', result: await work(workerData as WorkerOrder) });
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  say({ kind: 'failure', code: error.code, message: error.message });
}

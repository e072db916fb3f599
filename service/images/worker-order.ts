import { Worker } from 'node:worker_threads';
import { ImageError, type ImageErrorCode } from './image-error.ts';
import type { IngestOrder, IngestResult } from './ingest.ts';
import type { ImageLimits } from './manifest.ts';
import type { LayerToScan, ScanResult } from './scan.ts';

export type WorkerOrder =
  | { readonly task: 'scan'; readonly layers: readonly LayerToScan[]; readonly limits: ImageLimits }
  | { readonly task: 'ingest'; readonly order: IngestOrder };

export type WorkerMessage =
  | { readonly kind: 'progress'; readonly done: number }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'failure'; readonly code: ImageErrorCode; readonly message: string };

interface Results {
  scan: ScanResult;
  ingest: IngestResult;
}

/**
 * Has the thread do one thing.
 * @throws ImageError as scan.ts says; the signal's reason where that ends it
 */
export const runWorker = <Task extends WorkerOrder['task']>(
  order: WorkerOrder & { readonly task: Task },
  onProgress: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<Results[Task]> => {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: order });
    let result: Results[Task] | undefined;
    let failure: unknown;
    const stop = () => {
      failure = signal?.reason;
      void worker.terminate();
    };
    signal?.addEventListener('abort', stop, { once: true });
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'progress') onProgress(message.done);
      else if (message.kind === 'result') result = message.result as Results[Task];
      else failure = new ImageError(message.code, message.message);
    });
    worker.once('error', (error) => {
      failure = error;
    });
    // Only when it has ended is nothing in the folder open any more.
    worker.once('exit', () => {
      signal?.removeEventListener('abort', stop);
      if (failure !== undefined) reject(failure);
      else if (result === undefined)
        reject(new ImageError('failed', 'the image could not be read to its end'));
      else resolve(result);
    });
  });
};

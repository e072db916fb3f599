import { type ImagePulling, PaddockError } from '../contracts/index.ts';
import { ImageError, type ImageErrorCode } from '../images/image-error.ts';
import type { ImageStore, Lease, StoredImage } from '../images/store.ts';

export type TellPulling = (event: ImagePulling) => void;

/** Brings an image into the store; it may take minutes, and goes on when those who asked have gone. */
export type PullImage = (
  reference: string,
  options: { readonly signal: AbortSignal; readonly onProgress: (event: ImagePulling) => void },
) => Promise<unknown>;

/** Asks the registry whether it has the image there and shows it to this node. @throws ImageError where not */
export type ProveImage = (reference: string, signal: AbortSignal) => Promise<void>;

export interface HeldImage {
  readonly image: StoredImage;
  /** It may be pruned from then on. */
  release(): void;
}

export interface CustomImages {
  /**
   * An image that a request names, pulled where it is not here yet.
   * @throws PaddockError image-unavailable where it cannot be had, image-pulling where too many are pulled already
   */
  take(
    reference: string,
    tenant: string,
    signal: AbortSignal,
    tell: TellPulling | undefined,
  ): Promise<HeldImage>;
  close(): Promise<void>;
}

interface Pull {
  readonly done: Promise<unknown>;
  readonly tenant: string;
  readonly listeners: Set<TellPulling>;
  last: ImagePulling;
}

/** Downloads share the network and unpacking is work for a core. */
const MOST_PULLS = 16;
/** So that one tenant, whose registry may not even answer, leaves room for the others. */
const MOST_OF_A_TENANT = 2;
/** Of all tenants together, for images that are not here: each holds a connection. */
const MOST_WAITING = 256;
const LONGEST_PULL_MS = 15 * 60_000;
const RETRY_AFTER_MS = 5_000;
const MOST_PROVEN = 1_000;

/** What the caller can do something about; the rest is ours. */
const callers: ReadonlySet<ImageErrorCode> = new Set([
  'refused',
  'digest-mismatch',
  'not-found',
  'unauthorized',
  'unreachable',
  'invalid',
]);

const toProblem = (error: unknown, reference: string): PaddockError => {
  if (error instanceof PaddockError) return error;
  if (error instanceof ImageError && callers.has(error.code))
    return new PaddockError('image-unavailable', { detail: error.message }, { cause: error });
  return new PaddockError(
    'image-unavailable',
    { detail: `${reference} could not be pulled here` },
    { cause: error },
  );
};

/** Resolves with the promise, or rejects as soon as nobody waits for it any more. */
const whileWanted = async (done: Promise<unknown>, signal: AbortSignal): Promise<void> => {
  const gone = Promise.withResolvers<never>();
  const onAbort = (): void => gone.reject(new PaddockError('client-closed'));
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    await Promise.race([done, gone.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};

/** Images that requests name: pulled on first use, once for all who wait, and kept in the store. */
export const createCustomImages = (
  store: Pick<ImageStore, 'find' | 'hold'>,
  pull: PullImage,
  prove: ProveImage,
): CustomImages => {
  /** References that were pulled or proven here. Of as many as these, asking again costs less than remembering. */
  const proven = new Set<string>();
  const pulls = new Map<string, Pull>();
  let waiting = 0;
  const ending = new AbortController();

  const start = (reference: string, tenant: string): Pull => {
    const own = [...pulls.values()].filter((other) => other.tenant === tenant).length;
    if (own >= MOST_OF_A_TENANT || pulls.size >= MOST_PULLS) {
      const whose = own >= MOST_OF_A_TENANT ? ` for ${tenant}` : '';
      const detail = `as many images as may be are being pulled here${whose}; this one was not begun`;
      throw new PaddockError('image-pulling', { detail, retryAfterMs: RETRY_AFTER_MS });
    }
    const listeners = new Set<TellPulling>();
    const last: ImagePulling = { image: reference, stage: 'download', done: 0, total: 0 };
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(LONGEST_PULL_MS)]);
    const onProgress = (event: ImagePulling): void => {
      started.last = event;
      for (const listener of listeners) listener(event);
    };
    const done = pull(reference, { signal, onProgress }).finally(() => pulls.delete(reference));
    // Those who wait hear of it; where nobody does any more, the next one tries again.
    done.catch(() => {});
    const started: Pull = { done, tenant, listeners, last };
    pulls.set(reference, started);
    return started;
  };

  const bring = async (
    reference: string,
    tenant: string,
    signal: AbortSignal,
    tell: TellPulling | undefined,
  ): Promise<void> => {
    if (waiting >= MOST_WAITING) throw new PaddockError('executor-busy');
    const current = pulls.get(reference) ?? start(reference, tenant);
    waiting += 1;
    if (tell) {
      tell(current.last);
      current.listeners.add(tell);
    }
    try {
      await whileWanted(current.done, signal);
    } finally {
      waiting -= 1;
      if (tell) current.listeners.delete(tell);
    }
  };

  /** Held before it is looked at, so that it cannot go in between. */
  const holdIfThere = async (digest: string): Promise<HeldImage | undefined> => {
    const known = store.find(digest);
    if (known === undefined || known.damaged) return undefined;
    let lease: Lease;
    try {
      lease = await store.hold([digest]);
    } catch (error) {
      if (error instanceof ImageError && error.code === 'not-found') return undefined;
      throw error;
    }
    const image = store.find(digest);
    if (image) return { image, release: () => lease.release() };
    lease.release();
    return undefined;
  };

  const remember = (reference: string): void => {
    if (proven.size >= MOST_PROVEN) proven.clear();
    proven.add(reference);
  };

  const check = async (
    reference: string,
    held: HeldImage,
    signal: AbortSignal,
    tell: TellPulling | undefined,
  ): Promise<void> => {
    if (held.image.reference === reference || proven.has(reference)) return;
    tell?.({ image: reference, stage: 'check', done: 0, total: 0 });
    try {
      await prove(reference, signal);
    } catch (error) {
      held.release();
      throw error;
    }
    remember(reference);
  };

  return {
    async take(reference, tenant, signal, tell) {
      const digest = reference.slice(reference.indexOf('@') + 1);
      try {
        const here = await holdIfThere(digest);
        if (here) {
          // Whoever knows the digest of somebody else's image must not get it under a name of their own.
          await check(reference, here, signal, tell);
          return here;
        }
        await bring(reference, tenant, signal, tell);
        remember(reference);
        const brought = await holdIfThere(digest);
        if (brought) return brought;
      } catch (error) {
        throw toProblem(error, reference);
      }
      throw new PaddockError('image-unavailable', { detail: `${reference} went as soon as it had come` });
    },
    async close() {
      ending.abort();
      await Promise.allSettled([...pulls.values()].map(({ done }) => done));
    },
  };
};

import type { Clock } from '../cluster/clock.ts';
import type { Registration } from '../contracts/cluster-api.ts';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
/** After that a dispatcher learns of this executor from the cluster, or not at all. */
const READY_WITHIN_MS = 60_000;
/** The end does not wait longer for a dispatcher that is gone itself. */
const DRAINING_WITHIN_MS = 2_000;
const ATTEMPT_MS = 2_000;

/** Posts JSON and resolves with the status of the answer; rejects where there is none. */
export type PostJson = (
  url: string,
  body: string,
  authorization: string,
  signal: AbortSignal,
) => Promise<number>;

export interface AnnouncementConfig {
  /** Base URLs. */
  readonly dispatchers: readonly string[];
  readonly registration: Omit<Registration, 'state'>;
  readonly authorization: string;
  readonly post: PostJson;
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** Tells every dispatcher how this executor is, all at the same time; neither step ever rejects. */
export interface Announcement {
  /** Resolves when each of them knows it or has been given up. */
  ready(): Promise<void>;
  /** No more is said of being ready. Resolves soon, whoever answers. */
  draining(): Promise<void>;
}

export const createAnnouncement = (config: AnnouncementConfig): Announcement => {
  const { clock, log } = config;
  let stage: Registration['state'] = 'ready';

  /** The reason for people where it did not come through. */
  const attempt = async (dispatcher: string, body: string, mostMs: number): Promise<string | undefined> => {
    const timeout = new AbortController();
    const cancel = clock.after(Math.min(ATTEMPT_MS, mostMs), () =>
      timeout.abort(new Error('it does not answer')),
    );
    try {
      const url = `${dispatcher.replace(/\/+$/, '')}/cluster/executors`;
      const status = await config.post(url, body, config.authorization, timeout.signal);
      return status >= 200 && status < 300 ? undefined : `it answers ${status}`;
    } catch (error) {
      return (error as Error).message;
    } finally {
      cancel();
    }
  };

  const tell = async (dispatcher: string, state: Registration['state'], withinMs: number): Promise<void> => {
    const startedAt = clock.now();
    const body = JSON.stringify({ ...config.registration, state } satisfies Registration);
    for (let retryMs = FIRST_RETRY_MS; stage === state; retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS)) {
      const reason = await attempt(dispatcher, body, withinMs - (clock.now() - startedAt));
      const tookMs = Math.round(clock.now() - startedAt);
      if (reason === undefined) return log.info({ dispatcher, state, tookMs }, 'a dispatcher knows');
      if (tookMs + retryMs >= withinMs)
        return log.warn({ dispatcher, state, tookMs, reason }, 'a dispatcher could not be told');
      await new Promise<void>((resolve) => void clock.after(retryMs, resolve));
    }
  };
  const tellAll = async (state: Registration['state'], withinMs: number): Promise<void> => {
    stage = state;
    await Promise.all(config.dispatchers.map((dispatcher) => tell(dispatcher, state, withinMs)));
  };

  return {
    ready: () => tellAll('ready', READY_WITHIN_MS),
    draining: () => tellAll('draining', DRAINING_WITHIN_MS),
  };
};

/** What is sent over and over, and for how long. */
export interface LoadOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of the n-th request, counted from 0. */
  readonly body: (n: number) => string;
  /** Whether every body is the same, so that it need not be built again for each request. */
  readonly fixed: boolean;
  readonly connections: number;
  readonly durationMs: number;
  /** Requests a second, evenly spaced; undefined for as many as the connections take. */
  readonly perSecond: number | undefined;
  /** An answer that takes longer is given up. */
  readonly timeoutMs: number;
  /** `ms` counts from when the request was due, where there was no connection free for it. */
  readonly onAnswer: (status: number, body: string, ms: number) => void;
  /** A connection that broke, or an answer that did not come in time. */
  readonly onFault: (error: Error) => void;
  readonly signal: AbortSignal;
}

export interface LoadDone {
  readonly elapsedMs: number;
  /** Requests that were due and never sent, because every connection was still waiting for an answer. */
  readonly unsent: number;
}

/** Sends requests for a while; bin/ hands in the one that opens connections. */
export type GenerateLoad = (order: LoadOrder) => Promise<LoadDone>;

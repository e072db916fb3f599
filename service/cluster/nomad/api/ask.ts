/** One request to Nomad's API. */
export interface Ask {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Statuses that are answers, not failures, besides the 200s. */
  readonly accept?: readonly number[];
  /** What the token must be allowed to do, for the message where it is not. */
  readonly needs?: string;
}

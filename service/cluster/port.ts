/** How to reach one executor. The token is good for this executor alone. */
export interface ExecutorAddress {
  readonly id: string;
  readonly url: string;
  readonly token: string;
  readonly pool: string;
}

export interface ClusterListener {
  joined(executor: ExecutorAddress): void;
  /** Called at once, before anything is done about it; executions under way there are lost. */
  left(id: string, reason: string): void;
}

/** Starts executors, keeps them going and says who is there. */
export interface Cluster {
  /** Resolves once the first executors are ready; rejects when none can start, with the reason for people. */
  start(listener: ClusterListener): Promise<void>;
  /** Ends every executor: gracefully first, by force after a while. */
  close(): Promise<void>;
}

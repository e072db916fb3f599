import type { Client } from './client.ts';
import type { Shell } from './shell.ts';

/** A figure to reach, on the ratio or on the value itself. */
export interface Target {
  readonly on: 'ratio' | 'value';
  readonly at: 'most' | 'least';
  readonly limit: number;
}

/** One line of the result. */
export interface Row {
  readonly name: string;
  readonly value: number;
  /** What `value` is held against, measured in the same run, in the same unit. */
  readonly baseline: number;
  readonly ratio: number;
  readonly unit: string;
  readonly target?: Target;
  /** What the baseline is, for people. */
  readonly against: string;
}

/** A service that this benchmark started itself, so that its processes can be looked at. */
export interface OwnProcesses {
  readonly dispatcher: number;
  readonly executors: readonly {
    readonly pid: number;
    /** The process that starts its sandboxes. */
    readonly launcher: number;
  }[];
}

/** A second service beside the first, started with other settings. */
export interface Another {
  readonly bench: Bench;
  stop(): Promise<void>;
}

export interface Bench {
  readonly client: Client;
  /** Service token of the client, where it needs one. */
  readonly token: string | undefined;
  /** Starts a service with these variables set as well; undefined where the service was there before. */
  readonly another: ((env: Readonly<Record<string, string>>) => Promise<Another>) | undefined;
  /** undefined where the service was there before (--url) and may be on another machine. */
  readonly own: OwnProcesses | undefined;
  /** Called at the end, after an interruption too; whoever asks for it may have ended it before. */
  readonly atEnd: (stop: () => Promise<void>) => void;
  readonly shell: Shell;
  /** Folder for programs of the baselines, removed at the end. */
  readonly folder: string;
  readonly quick: boolean;
  /** How many requests are under way at once where a service is loaded. */
  readonly connections: number;
  /** Tells people what goes on. */
  readonly say: (text: string) => void;
}

/** A scenario that cannot be measured here, and why: a named skip, never a failure. */
export class Skip extends Error {
  override readonly name = 'Skip';
}

export interface Scenario {
  readonly name: string;
  /** Runtimes that have to be warm before it starts. */
  readonly runtimes: readonly string[];
  /** @throws Skip */
  run(bench: Bench): Promise<Row[]>;
}

export const meets = ({ target, ratio, value }: Row): boolean | undefined => {
  if (!target) return undefined;
  const measured = target.on === 'ratio' ? ratio : value;
  return target.at === 'most' ? measured <= target.limit : measured >= target.limit;
};

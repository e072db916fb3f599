import type { NomadApi } from '../cluster/nomad/api/port.ts';
import type { ClusterSettings } from '../cluster/nomad/job-spec.ts';
import type { PoolSpec } from '../contracts/pool.ts';
import type { GenerateLoad } from './bench/load.ts';

/** Where a command writes: bytes go out as they are. */
export interface TextSink {
  write(chunk: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type InputStream = AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };

/** Everything of the outside world that a command may touch; bin/paddock.ts builds it from the process. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: InputStream;
  readonly fetch: typeof import('undici').fetch;
  readonly cwd: string;
  /** The folder of this checkout, where images/ lies. */
  readonly projectRoot: string;
  readonly uid: number;
  /** Escape codes are written only where a person sees them and NO_COLOR is not set. */
  readonly colours: boolean;
  /** A monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** The wall clock, for what is stored. */
  readonly date: () => Date;
  readonly randomBytes: (size: number) => Buffer;
  /** Aborted when the user presses Ctrl-C or the process is told to end. */
  readonly signal: AbortSignal;
}

/** How a command line names standard input where a file is expected; `-` stands for it. */
export const standardInput = '/dev/stdin';

export interface DoctorCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Without it nothing runs; a check that is not required only weakens something. */
  readonly required: boolean;
  readonly detail: string;
  /** The command that mends it. */
  readonly fix?: string;
}

export interface ServeHooks {
  /** Called once, when the service takes executions. */
  readonly onReady?: (url: string) => Promise<void> | void;
}

/** A Nomad cluster as variables name it. Its `api` is to be closed. */
export interface NomadAccess {
  readonly api: NomadApi;
  readonly namespace: string;
  /** What the ids of the pools' jobs begin with. */
  readonly prefix: string;
  /**
   * The pools as they are configured here, and what their jobs have in common.
   * @throws CliError that lists every fault
   */
  pools(): { readonly specs: readonly PoolSpec[]; readonly settings: ClusterSettings };
}

/** What the command line starts but may not import: bin/ hands it in, loaded only when it is used. */
export interface CliPorts {
  /** Settles when the service has ended, with its exit code. */
  serve(env: Record<string, string | undefined>, hooks: ServeHooks): Promise<number>;
  doctor(env: Readonly<Record<string, string | undefined>>): Promise<DoctorCheck[]>;
  readonly load: GenerateLoad;
  /**
   * Reads the NOMAD_* variables, PADDOCK_NOMAD_PREFIX and what else is about a cluster. Connects to nothing yet.
   * @throws CliError that lists every fault
   */
  nomad(env: Readonly<Record<string, string | undefined>>): Promise<NomadAccess>;
}

/** A failure told to the user in one or more plain lines, without a stack trace. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** A mistake in the command line itself: exit code 2, and a pointer to --help. */
export class UsageError extends CliError {
  constructor(message: string) {
    super(message, 2);
  }
}

/** How a command is made: it reports its exit code through `done`. */
export interface CommandEnvironment {
  readonly context: CliContext;
  readonly ports: CliPorts;
  readonly done: (exitCode: number) => void;
}

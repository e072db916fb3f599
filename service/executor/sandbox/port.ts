import type { Limits } from '../../contracts/index.ts';

/** What a sandbox is made from. Two equal specs are interchangeable: `key` says so. */
export interface SandboxSpec {
  /** Equal keys, equal sandboxes; the warm set counts by it. */
  readonly key: string;
  /** Folder of an unpacked image that is the whole read-only root; none: the host's /usr and a generated /etc. */
  readonly root?: string;
  /** Host paths shown read-only, each under /opt/paddock/NAME or at a path of its own. */
  readonly shown: readonly ShownPath[];
  /** Links under /opt/paddock: name to target. */
  readonly links?: Readonly<Record<string, string>>;
  /** Started ahead and told to go over descriptor 3 (see runtimeManifestSchema); none: the program is started at go. */
  readonly warmCommand?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** How it can be forked from a fork server; none: a bubblewrap of its own. */
  readonly forked?: ForkedSpec;
  /** Those that can only be set when the sandbox is made (scratch space), and first values for the others. */
  readonly limits: Limits;
}

export interface ForkedSpec {
  /** Specs with equal keys are forked from the same servers. */
  readonly key: string;
  /** The warm command itself forks, so that it is started once for many sandboxes. Otherwise a program is started by exec. */
  readonly interpreter: boolean;
}

export interface ShownPath {
  readonly source: string;
  /** Absolute path inside the sandbox. */
  readonly target: string;
}

/** What "go" says. */
export interface Go {
  /** The whole command; of a warm sandbox only the arguments after the entry count. */
  readonly command: readonly string[];
  readonly entry: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
  readonly limits: Limits;
  /** Wall time, in ms: a compilation has another one than a run. */
  readonly wallMs: number;
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

/** The first reason why a program ended. `exit` covers its own exit as well as a signal from inside. */
export type EndReason = 'exit' | 'wall-time' | 'cpu-time' | 'output' | 'cancelled' | 'lost';

/** How a program ended and what it used: facts, no judgement (see verdict.ts). */
export interface Ended {
  readonly reason: EndReason;
  readonly exitCode: number | null;
  /** Signal number, null where none ended it. */
  readonly signal: number | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly memoryPeakBytes: number | null;
  readonly outOfMemory: boolean;
  readonly processLimitHit: boolean;
  readonly scratchFull: boolean;
  /** Set with `lost`: what went wrong on our side. */
  readonly fault?: string;
}

/** Regular files read back from the scratch space. */
export interface ReadBack {
  readonly files: readonly PlacedFile[];
  readonly omitted: readonly { readonly name: string; readonly reason: string }[];
}

/** A file to put into a sandbox before go: its name a relative path that contracts/execution.ts has checked. */
export interface PlacedFile {
  readonly name: string;
  readonly content: Buffer;
  readonly executable?: boolean;
  /** Kept where it matters: class archives are refused when the time of what they were made from differs. */
  readonly modifiedMs?: number;
}

/** The isolated environment of one program: used once, then destroyed. */
export interface Sandbox {
  /** Resolves when nothing inside is alive any more, whatever the reason. */
  readonly dead: Promise<void>;
  /** Files for the scratch space: they are written there at go, before anything of the program runs. */
  put(files: readonly PlacedFile[]): void;
  /**
   * Starts the program and resolves when it has ended and its output is complete. Never rejects for what it does.
   * @throws FilesRefused where its files cannot be written
   */
  go(go: Go, signal?: AbortSignal): Promise<Ended>;
  /** Reads matching files once everything inside is dead: regular files only, no link is ever followed. */
  read(patterns: readonly string[], budget: ReadBudget): Promise<ReadBack>;
  /** Copies all regular files into a folder, by the same rules. @throws where they exceed the budget */
  copyTo(folder: string, budget: ReadBudget): Promise<void>;
  /** Kills what is left and frees everything. Safe to call at any time, more than once. */
  destroy(): Promise<void>;
}

/** The files of a program do not go into its scratch space: too large, too many, or one in the way of another. */
export class FilesRefused extends Error {
  override readonly name = 'FilesRefused';
  /** For example ENOSPC. */
  readonly code: string;
  constructor(code: string) {
    super(`the files cannot be written: ${code}`);
    this.code = code;
  }
}

export interface ReadBudget {
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/** The port behind which sandboxes are made: bubblewrap here, other ways beside it. */
export interface SandboxMaker {
  /**
   * Makes one, ready for its go.
   * @throws where it does not come up; nothing is left behind then.
   */
  create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox>;
  /** Destroys every sandbox that is left. */
  close(): Promise<void>;
}

import { defaultLimits, type Limits } from '../../../service/contracts/index.ts';
import type {
  Ended,
  Go,
  PlacedFile,
  ReadBack,
  ReadBudget,
  Sandbox,
  SandboxMaker,
  SandboxSpec,
} from '../../../service/executor/sandbox/port.ts';

/** A program that ended well and said nothing, but for what is given. */
export const ended = (facts: Partial<Ended> = {}): Ended => ({
  reason: 'exit',
  exitCode: 0,
  signal: null,
  stdout: Buffer.alloc(0),
  stderr: Buffer.alloc(0),
  stdoutTruncated: false,
  stderrTruncated: false,
  wallMs: 1,
  cpuMs: 1,
  memoryPeakBytes: 1,
  outOfMemory: false,
  processLimitHit: false,
  scratchFull: false,
  ...facts,
});

export const sandboxSpec = (key: string, limits: Partial<Limits> = {}): SandboxSpec => ({
  key,
  shown: [],
  env: {},
  limits: { ...defaultLimits, ...limits },
});

/** What a fake sandbox does, each step replaceable. */
export interface Script {
  go?(go: Go, signal?: AbortSignal): Promise<Ended>;
  read?(patterns: readonly string[], budget: ReadBudget): Promise<ReadBack>;
  destroy?(): Promise<void>;
}

export interface FakeSandbox extends Sandbox {
  readonly spec: SandboxSpec;
  readonly files: PlacedFile[];
  readonly goes: Go[];
  readonly readings: (readonly string[])[];
  readonly destroyed: number;
  /** The sandbox dies by itself. */
  die(): void;
}

export const fakeSandbox = (spec: SandboxSpec, script: Script = {}): FakeSandbox => {
  const dead = Promise.withResolvers<void>();
  const files: PlacedFile[] = [];
  const goes: Go[] = [];
  const readings: (readonly string[])[] = [];
  let destroyed = 0;
  return {
    spec,
    files,
    goes,
    readings,
    get destroyed() {
      return destroyed;
    },
    dead: dead.promise,
    die: () => dead.resolve(),
    put(placed) {
      files.push(...placed);
    },
    async go(go, signal) {
      goes.push(go);
      return script.go ? script.go(go, signal) : ended();
    },
    async read(patterns, budget) {
      readings.push(patterns);
      return script.read ? script.read(patterns, budget) : { files: [], omitted: [] };
    },
    async copyTo() {
      throw new Error('nothing here copies');
    },
    async destroy() {
      destroyed += 1;
      dead.resolve();
      await script.destroy?.();
    },
  };
};

/** One sandbox that is being made: the test decides when and how that ends. */
export interface Making {
  readonly spec: SandboxSpec;
  readonly signal: AbortSignal | undefined;
  done(script?: Script): FakeSandbox;
  fail(message: string): void;
}

/** A maker whose every creation waits for the test. */
export const heldMaker = (): SandboxMaker & { readonly makings: Making[] } => {
  const makings: Making[] = [];
  return {
    makings,
    create(spec, signal) {
      const made = Promise.withResolvers<Sandbox>();
      makings.push({
        spec,
        signal,
        done(script) {
          const sandbox = fakeSandbox(spec, script);
          made.resolve(sandbox);
          return sandbox;
        },
        fail: (message) => made.reject(new Error(message)),
      });
      return made.promise;
    },
    async close() {},
  };
};

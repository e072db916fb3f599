import { truncateSync, writeFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import type { Cgroup, CgroupEvents } from '../cgroup/port.ts';
import { createCapture } from '../output.ts';
import { createLineReader, encodeGo, type InitMessage, type ProcessLimits } from './control.ts';
import { watchCpu } from './cpu-watch.ts';
import type { Launched } from './launcher.ts';
import {
  type Ended,
  type EndReason,
  FilesRefused,
  type Go,
  type PlacedFile,
  type Sandbox,
  type SandboxSpec,
} from './port.ts';
import type { Scratch } from './scratch.ts';
import type { Slot } from './slots.ts';

/** What a sandbox is made of while it lives; torn down in one place. */
export interface Parts {
  readonly slot: Slot;
  readonly launched: Launched;
  readonly cgroup: Cgroup | undefined;
}

export interface SandboxParts {
  readonly parts: Parts;
  readonly spec: SandboxSpec;
  /** CPU time that making it took: what waits uses none. */
  readonly readyCpuNs: number;
  readonly scratch: Scratch;
  /**
   * Kills what is left, waits for it, frees the slot and the cgroup.
   * @param endsByItself where the first process inside has told the program's end: with that it ends, and all the rest
   */
  readonly release: (endsByItself: boolean) => Promise<void>;
}

const MEBIBYTE = 1024 * 1024;

const errorName = (errno: number): string => getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`;
const WORKING_FOLDER = '/work';
const NO_EVENTS: CgroupEvents = { oomKills: 0, forksRefused: 0 };

type ExitMessage = Extract<InitMessage, { kind: 'exit' }>;

const processLimits = (go: Go, limitedByCgroup: boolean): ProcessLimits => ({
  openFiles: go.limits.openFiles,
  fileBytes: go.limits.fileMb * MEBIBYTE,
  // A backstop behind the watch on the cgroup, and the limit itself where there is none.
  cpuSeconds: Math.ceil(go.limits.cpuMs / 1_000) + (limitedByCgroup ? 1 : 0),
  processes: limitedByCgroup ? 0 : go.limits.processes,
  dataBytes: limitedByCgroup ? 0 : go.limits.memoryMb * MEBIBYTE,
});

const drainDeadlineMs = 2_000;

/** One program's life from go to its end: the first reason to end wins, the others are no longer heard. */
const runProgram = (
  own: SandboxParts,
  files: readonly PlacedFile[],
  go: Go,
  signal?: AbortSignal,
): Promise<Ended> => {
  const { parts, scratch } = own;
  const { cgroup, launched } = parts;
  const captures = {
    stdout: createCapture(go.limits.outputBytes),
    stderr: createCapture(go.limits.outputBytes),
  };
  const started = performance.now();

  return new Promise<Ended>((resolve, reject) => {
    let reason: EndReason | undefined;
    let exit: ExitMessage | undefined;
    let fault: string | undefined;
    let openOutputs = 2;
    let over = false;
    let drainTimer: NodeJS.Timeout | undefined;

    const finish = (): void => {
      if (over) return;
      over = true;
      clearTimeout(wallTimer);
      clearTimeout(drainTimer);
      stopCpuWatch();
      signal?.removeEventListener('abort', onAbort);
      const after = cgroup?.usage();
      const events = cgroup?.events() ?? NO_EVENTS;
      const outOfMemory = events.oomKills > 0;
      // Init may go without a word where the kernel took it for want of memory; anything else is our fault.
      if (exit === undefined && reason === undefined && !outOfMemory) {
        reason = 'lost';
        fault ??= 'the sandbox ended without a word';
      }
      resolve({
        reason: reason ?? 'exit',
        exitCode: exit?.exitCode ?? null,
        signal: exit ? exit.signal : 9,
        stdout: captures.stdout.bytes(),
        stderr: captures.stderr.bytes(),
        stdoutTruncated: captures.stdout.over,
        stderrTruncated: captures.stderr.over,
        wallMs: exit?.wallMs ?? performance.now() - started,
        cpuMs: after ? (after.cpuNs - own.readyCpuNs) / 1e6 : (exit?.cpuMs ?? 0),
        memoryPeakBytes: after?.memoryPeakBytes ?? exit?.memoryPeakBytes ?? null,
        outOfMemory,
        processLimitHit: events.forksRefused > 0,
        scratchFull: scratch.isFull(),
        fault,
      });
    };
    const end = (why: EndReason): void => {
      if (reason !== undefined || exit !== undefined) return;
      reason = why;
      launched.kill();
      // Its death ends everything; a kernel that takes longer than this must not hold the caller.
      drainTimer = setTimeout(finish, drainDeadlineMs);
    };
    const finishIfComplete = (): void => {
      if (exit !== undefined && openOutputs === 0) finish();
    };
    const onAbort = (): void => end('cancelled');

    const wallTimer = setTimeout(() => end('wall-time'), go.wallMs);
    const stopCpuWatch = watchCpu(
      () => ((cgroup?.usage().cpuNs ?? 0) - own.readyCpuNs) / 1e6,
      cgroup ? go.limits.cpuMs : Number.POSITIVE_INFINITY,
      go.limits.cpus,
      () => end('cpu-time'),
    );

    launched.listen({
      said: createLineReader((message) => {
        // What ended only after we killed it was ended by us: then its death is waited for, not its word.
        if (message.kind === 'exit' && reason === undefined) exit ??= message;
        if (message.kind === 'error' && message.step === 'files') {
          reject(new FilesRefused(errorName(message.errno)));
          end('cancelled');
        } else if (message.kind === 'error') {
          fault = `the sandbox failed at ${message.step} (errno ${message.errno})`;
          end('lost');
        }
        finishIfComplete();
      }),
      output(stream, bytes) {
        const kept = captures[stream].add(bytes);
        if (kept.length > 0) go.onOutput?.(stream, kept);
        if (captures[stream].over) end('output');
      },
      outputEnded() {
        openOutputs -= 1;
        finishIfComplete();
      },
    });
    void launched.dead.then(finish);

    if (signal?.aborted) return end('cancelled');
    signal?.addEventListener('abort', onAbort);
    const message = own.spec.warmCommand
      ? ({ mode: 'warm', entry: go.entry, args: go.args, env: go.env } as const)
      : ({ mode: 'exec', command: go.command, env: go.env } as const);
    const bytes = encodeGo(message, WORKING_FOLDER, processLimits(go, cgroup !== undefined), files);
    launched.go(bytes, go.limits.outputBytes, go.onOutput !== undefined);
  });
};

const sameLimits = (a: Go['limits'], b: Go['limits']): boolean =>
  a.memoryMb === b.memoryMb && a.processes === b.processes && a.cpus === b.cpus;

/** False where the waiting sandbox alone uses more memory than the program is allowed: v1 refuses such a limit. */
const limitFits = ({ parts }: SandboxParts, go: Go): boolean => {
  try {
    parts.cgroup?.limit(go.limits);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EBUSY') return false;
    throw error;
  }
};

const neverFitted = ({ parts }: SandboxParts): Ended => ({
  reason: 'exit',
  exitCode: null,
  signal: 9,
  stdout: Buffer.alloc(0),
  stderr: Buffer.alloc(0),
  stdoutTruncated: false,
  stderrTruncated: false,
  wallMs: 0,
  cpuMs: 0,
  memoryPeakBytes: parts.cgroup?.usage().memoryPeakBytes ?? null,
  outOfMemory: true,
  processLimitHit: false,
  scratchFull: false,
});

export const launchedSandbox = (own: SandboxParts): Sandbox => {
  const { parts, scratch } = own;
  let used = false;
  let exited = false;
  let files: readonly PlacedFile[] = [];
  let hasInput = false;
  let destroyed: Promise<void> | undefined;
  return {
    dead: parts.launched.dead,
    put(more) {
      files = [...files, ...more];
    },
    async go(go, signal) {
      if (used || destroyed) throw new Error('a sandbox is used once');
      used = true;
      hasInput = go.stdin.length > 0;
      if (hasInput) writeFileSync(parts.slot.stdin, go.stdin);
      if (!sameLimits(go.limits, own.spec.limits) && !limitFits(own, go)) return neverFitted(own);
      const placed = files;
      files = [];
      const ended = await runProgram(own, placed, go, signal);
      exited = ended.reason === 'exit' && ended.exitCode !== null;
      return ended;
    },
    async read(patterns, budget) {
      await parts.launched.dead;
      return scratch.read(patterns, budget);
    },
    async copyTo(folder, budget) {
      await parts.launched.dead;
      await scratch.copyTo(folder, budget);
    },
    destroy() {
      destroyed ??= (async () => {
        // What the caller sent is gone from the machine before the answer is sent.
        if (hasInput) truncateSync(parts.slot.stdin);
        await own.release(exited);
        scratch.close();
      })();
      return destroyed;
    },
  };
};

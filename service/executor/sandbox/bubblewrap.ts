import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { CgroupDriver } from '../cgroup/port.ts';
import { startArguments } from './arguments.ts';
import { bubblewrapSandbox, type Parts } from './bubblewrap-sandbox.ts';
import { listenToInit } from './control.ts';
import type { Launcher } from './launcher.ts';
import type { Sandbox, SandboxMaker, SandboxSpec } from './port.ts';
import { openScratch } from './scratch.ts';
import type { Slot, Slots } from './slots.ts';

export interface BubblewrapConfig {
  readonly bwrap: string;
  readonly launcher: Launcher;
  readonly init: string;
  readonly etc: string;
  /** File with the seccomp program; bubblewrap reads it anew for each sandbox. */
  readonly seccompPath: string;
  readonly slots: Slots;
  /** undefined: rlimits only, which the operator has to allow explicitly. */
  readonly cgroups: CgroupDriver | undefined;
  /** How long a sandbox may take to get ready, in ms. */
  readonly startTimeoutMs: number;
}

const MEBIBYTE = 1024 * 1024;
const LAST_WORDS_MS = 200;
const MAX_COMPLAINT = 2_000;

const assemble = async (
  config: BubblewrapConfig,
  spec: SandboxSpec,
  slot: Slot,
  name: string,
): Promise<Parts> => {
  const cgroup = await config.cgroups?.create(name);
  cgroup?.limit(spec.limits);
  const streams = slot.open();
  const launched = config.launcher.start(
    name,
    startArguments({
      bwrap: config.bwrap,
      stage: slot.stage,
      streams: slot.paths,
      seccomp: config.seccompPath,
      etc: config.etc,
      init: config.init,
      joinFiles: cgroup?.joinFiles ?? [],
      uid: slot.uid,
      scratchBytes: spec.limits.scratchMb * MEBIBYTE,
      scratchInodes: spec.limits.scratchFiles,
      shown: spec.shown,
      links: spec.links ?? {},
      warmCommand: spec.warmCommand ?? [],
      env: spec.env,
    }),
  );
  return { slot, streams, launched, cgroup };
};

/** The control socket once the first process has said that it is ready. @throws with what the sandbox said instead */
const waitUntilReady = async (parts: Parts, timeoutMs: number, signal?: AbortSignal): Promise<Socket> => {
  const { launched, streams } = parts;
  let said = '';
  const hear = (text: string): void => {
    if (said.length < MAX_COMPLAINT) said += text;
  };
  const listen = (chunk: Buffer): void => hear(chunk.toString('utf8'));
  streams.stderr.on('data', listen);
  // A timer of its own, ended with the wait: AbortSignal.timeout would keep all of this for its whole time.
  const ending = new AbortController();
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${why}${said ? `: ${said.trim()}` : ''}`));
      const ended = (): void => fail('the sandbox ended before it was ready');
      void streams.control.then((control) => {
        control.on('error', () => {}); // a broken pipe means that the first process is gone: `dead` tells
        control.once('end', ended);
        const stop = listenToInit(
          control,
          (message) => {
            stop();
            control.off('end', ended);
            if (message.kind === 'ready') resolve(control);
            else if (message.kind === 'error') hear(`it failed at ${message.step} (errno ${message.errno})`);
            if (message.kind !== 'ready') ended();
          },
          (line) => hear(`${line}\n`),
        );
      });
      // Its last words come over the control socket, whose end tells; this is for one that never got that far.
      void launched.dead.then(() => delay(LAST_WORDS_MS, undefined, { ref: false })).then(ended);
      const onAbort = (): void => fail('cancelled');
      if (signal?.aborted) onAbort();
      signal?.addEventListener('abort', onAbort, { signal: ending.signal });
      const timer = setTimeout(() => fail(`not ready after ${timeoutMs} ms`), timeoutMs);
      ending.signal.addEventListener('abort', () => clearTimeout(timer));
    });
  } finally {
    ending.abort();
    streams.stderr.off('data', listen);
    streams.stderr.pause();
  }
};

const tearDown = async (parts: Parts, slots: Slots): Promise<void> => {
  parts.launched.kill();
  await parts.launched.dead;
  parts.streams.close();
  try {
    await parts.cgroup?.remove();
  } finally {
    slots.give(parts.slot);
  }
};

export const createBubblewrapMaker = (config: BubblewrapConfig): SandboxMaker => {
  const living = new Set<Sandbox>();
  let made = 0;
  let closed = false;

  const create = async (spec: SandboxSpec, slot: Slot, signal?: AbortSignal): Promise<Sandbox> => {
    let parts: Parts;
    try {
      parts = await assemble(config, spec, slot, `s${slot.number}-${made++}`);
    } catch (error) {
      config.slots.give(slot);
      throw error;
    }
    try {
      const control = await waitUntilReady(parts, config.startTimeoutMs, signal);
      const monitor = await parts.launched.pid;
      const sandbox = bubblewrapSandbox({
        parts,
        control,
        spec,
        readyCpuNs: parts.cgroup?.usage().cpuNs ?? 0,
        scratch: openScratch(`/proc/${monitor}/root${slot.stage}/work`, slot.uid),
        release: async () => {
          living.delete(sandbox);
          await tearDown(parts, config.slots);
        },
      });
      living.add(sandbox);
      return sandbox;
    } catch (error) {
      await tearDown(parts, config.slots);
      throw error;
    }
  };

  return {
    async create(spec, signal) {
      if (closed) throw new Error('no more sandboxes are made');
      return create(spec, await config.slots.take(), signal);
    },
    async close() {
      closed = true;
      await Promise.all([...living].map((sandbox) => sandbox.destroy()));
    },
  };
};

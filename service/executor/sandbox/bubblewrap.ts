import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Cgroup, CgroupDriver } from '../cgroup/port.ts';
import { SECCOMP_DESCRIPTOR, sandboxCommand } from './arguments.ts';
import { bubblewrapSandbox, type Parts } from './bubblewrap-sandbox.ts';
import { listenToInit } from './control.ts';
import type { Sandbox, SandboxMaker, SandboxSpec } from './port.ts';
import { openScratch } from './scratch.ts';
import type { Slot, Slots } from './slots.ts';

export interface BubblewrapConfig {
  readonly bwrap: string;
  readonly launch: string;
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

const startProcess = (
  config: BubblewrapConfig,
  spec: SandboxSpec,
  slot: Slot,
  cgroup: Cgroup | undefined,
) => {
  const streams = slot.open();
  const seccomp = openSync(config.seccompPath, constants.O_RDONLY);
  const { command, args } = sandboxCommand({
    bwrap: config.bwrap,
    launch: config.launch,
    stage: slot.stage,
    etc: config.etc,
    init: config.init,
    joinFiles: cgroup?.joinFiles ?? [],
    uid: slot.uid,
    scratchBytes: spec.limits.scratchMb * MEBIBYTE,
    scratchInodes: spec.limits.scratchFiles,
    shown: spec.shown,
    links: spec.links ?? {},
    warmCommand: spec.warmCommand ?? [],
  });
  try {
    const child = spawn(command, args, {
      env: { ...spec.env },
      cwd: '/',
      // The third entry is the control socket; its number and that of the filter are fixed by init and arguments.ts.
      stdio: [...streams.childDescriptors, 'pipe', seccomp],
    });
    return { streams, child };
  } catch (error) {
    closeSync(streams.stdout);
    closeSync(streams.stderr);
    throw error;
  } finally {
    closeSync(seccomp);
    for (const descriptor of streams.childDescriptors) closeSync(descriptor);
  }
};

const assemble = (config: BubblewrapConfig, spec: SandboxSpec, slot: Slot, name: string): Parts => {
  const cgroup = config.cgroups?.create(name);
  cgroup?.limit(spec.limits);
  const { streams, child } = startProcess(config, spec, slot, cgroup);
  const dead = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const reader = (fd: number): Socket => new Socket({ fd, readable: true, writable: false });
  const control = child.stdio[SECCOMP_DESCRIPTOR - 1];
  if (!(control instanceof Socket)) throw new Error('the control socket is missing');
  control.on('error', () => {}); // a broken pipe means that init is gone: `dead` tells
  return {
    name,
    slot,
    streams,
    child,
    control,
    stdout: reader(streams.stdout),
    stderr: reader(streams.stderr),
    cgroup,
    dead,
  };
};

/** The host pid of the first process inside: the only child of bubblewrap's monitor. */
const initPid = (monitor: number): number => {
  const pid = Number(readFileSync(`/proc/${monitor}/task/${monitor}/children`, 'utf8').trim());
  if (!Number.isInteger(pid) || pid <= 1) throw new Error('the first process of the sandbox was not found');
  return pid;
};

const waitUntilReady = async (parts: Parts, timeoutMs: number, signal?: AbortSignal): Promise<void> => {
  const complaints: Buffer[] = [];
  const listen = (chunk: Buffer): void => {
    complaints.push(chunk);
  };
  parts.stderr.on('data', listen);
  const said = (): string => Buffer.concat(complaints).toString('utf8').trim().slice(0, 2_000);
  const timeout = AbortSignal.timeout(timeoutMs);
  const abort = signal ? AbortSignal.any([signal, timeout]) : timeout;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${why}${said() ? `: ${said()}` : ''}`));
      listenToInit(parts.control, (message) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'error')
          fail(`the sandbox failed at ${message.step} (errno ${message.errno})`);
      });
      // Its last words may still be in the FIFO when it is reaped.
      void parts.dead.then(() => setImmediate(() => fail('the sandbox ended before it was ready')));
      abort.addEventListener('abort', () =>
        fail(signal?.aborted ? 'cancelled' : `not ready after ${timeoutMs} ms`),
      );
    });
  } finally {
    parts.stderr.off('data', listen);
    parts.stderr.pause();
    parts.control.removeAllListeners('data');
  }
};

const tearDown = async (parts: Parts, slots: Slots): Promise<void> => {
  parts.child.kill('SIGKILL');
  await parts.dead;
  parts.control.destroy();
  parts.stdout.destroy();
  parts.stderr.destroy();
  await parts.cgroup?.remove();
  slots.give(parts.slot);
};

export const createBubblewrapMaker = (config: BubblewrapConfig): SandboxMaker => {
  const living = new Set<Sandbox>();
  let made = 0;
  return {
    async create(spec, signal) {
      const slot = config.slots.take();
      if (!slot) throw new Error('no slot is free for another sandbox');
      let parts: Parts;
      try {
        parts = assemble(config, spec, slot, `s${slot.number}-${made++}`);
      } catch (error) {
        config.slots.give(slot);
        throw error;
      }
      try {
        await waitUntilReady(parts, config.startTimeoutMs, signal);
        const monitor = parts.child.pid ?? 0;
        const pid = initPid(monitor);
        const scratch = openScratch(`/proc/${monitor}/root${slot.stage}/work`, slot.uid);
        const sandbox = bubblewrapSandbox({
          parts,
          spec,
          scratch,
          initPid: pid,
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
    },
    async close() {
      await Promise.all([...living].map((sandbox) => sandbox.destroy()));
    },
  };
};

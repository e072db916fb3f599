import type { Cgroup, CgroupDriver } from '../cgroup/port.ts';
import { createLineReader } from './control.ts';
import { launchedSandbox, type Parts } from './launched-sandbox.ts';
import type { Launched, Listener } from './launcher.ts';
import type { Sandbox, SandboxSpec } from './port.ts';
import { openScratch } from './scratch.ts';
import type { Slot, Slots } from './slots.ts';

/** What every way of making sandboxes needs. */
export interface MakingConfig {
  readonly slots: Slots;
  /** undefined: rlimits only, which the operator has to allow explicitly. */
  readonly cgroups: CgroupDriver | undefined;
}

/** How one way launches a sandbox, and where its scratch space is then. */
export interface Way {
  launch(spec: SandboxSpec, slot: Slot, joinFiles: readonly string[], listener: Listener): Launched;
  /** Absolute, in the mount namespace of the launched process. */
  workFolder(slot: Slot): string;
  /** How long one may take to get ready, in ms. */
  readonly timeoutMs: number;
}

const MAX_COMPLAINT = 2_000;

interface Readiness {
  readonly listener: Listener;
  readonly ready: Promise<void>;
  fail(why: string): void;
}

/** Hears what a sandbox says until it is ready. `ready` rejects with what it said instead. */
const createReadiness = (): Readiness => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  const hear = (text: string): void => {
    if (said.length < MAX_COMPLAINT) said += text;
  };
  let over = false;
  const fail = (why: string): void => {
    // Every sandbox dies once: an error that nobody would hear of is not made.
    if (!over) reject(new Error(`${why}${said ? `: ${said.trim()}` : ''}`));
    over = true;
  };
  const listener: Listener = {
    said: createLineReader(
      (message) => {
        if (message.kind === 'ready') {
          over = true;
          resolve();
        } else if (message.kind === 'error') hear(`it failed at ${message.step} (errno ${message.errno})\n`);
      },
      (line) => hear(`${line}\n`),
    ),
    output: (_stream, bytes) => hear(bytes.toString('utf8')),
    outputEnded: () => {},
  };
  return { listener, ready: promise, fail };
};

const waitUntilReady = async (
  { ready, fail }: Readiness,
  launched: Launched,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> => {
  const timer = setTimeout(() => fail(`not ready after ${timeoutMs} ms`), timeoutMs);
  const onAbort = (): void => fail('cancelled');
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  void launched.dead.then(() => fail('the sandbox ended before it was ready'));
  try {
    await ready;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
};

const giveBack = async (cgroup: Cgroup | undefined, slot: Slot, slots: Slots): Promise<void> => {
  try {
    await cgroup?.remove();
  } finally {
    slots.give(slot);
  }
};

/** How long one may take that said it ends by itself. */
const LINGER_MS = 1_000;

const tearDown = async (
  { launched, cgroup, slot }: Parts,
  slots: Slots,
  endsByItself = false,
): Promise<void> => {
  const timer = endsByItself ? setTimeout(() => launched.kill(), LINGER_MS) : launched.kill();
  await launched.dead;
  clearTimeout(timer ?? undefined);
  await giveBack(cgroup, slot, slots);
};

/**
 * Makes one sandbox: a slot and a cgroup for it, its limits set, launched, ready.
 * @param onEnd called once when it is destroyed
 * @throws where it does not come up; nothing is left behind then
 */
export const makeSandbox = async (
  { slots, cgroups }: MakingConfig,
  way: Way,
  spec: SandboxSpec,
  signal?: AbortSignal,
  onEnd?: (sandbox: Sandbox) => void,
): Promise<Sandbox> => {
  const slot = await slots.take();
  let cgroup: Cgroup | undefined;
  let parts: Parts;
  const readiness = createReadiness();
  try {
    cgroup = await cgroups?.create();
    cgroup?.limit(spec.limits);
    if (signal?.aborted) throw new Error('cancelled');
    parts = { slot, cgroup, launched: way.launch(spec, slot, cgroup?.joinFiles ?? [], readiness.listener) };
  } catch (error) {
    await giveBack(cgroup, slot, slots);
    throw error;
  }
  try {
    const { launched } = parts;
    await waitUntilReady(readiness, launched, way.timeoutMs, signal);
    const sandbox = launchedSandbox({
      parts,
      spec,
      readyCpuNs: cgroup?.usage().cpuNs ?? 0,
      scratch: openScratch(`/proc/${launched.process}/root${way.workFolder(slot)}`),
      release: (endsByItself) => {
        onEnd?.(sandbox);
        return tearDown(parts, slots, endsByItself);
      },
    });
    return sandbox;
  } catch (error) {
    const tornDown = tearDown(parts, slots);
    // One that has never spoken may hang with what it was asked of: its place comes back with its end, whenever that is.
    if (parts.launched.process < 0) tornDown.catch(() => {});
    else await tornDown;
    throw error;
  }
};

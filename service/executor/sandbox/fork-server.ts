import type { Cgroup, CgroupDriver } from '../cgroup/port.ts';
import { OWN_INODES, serverArguments } from './arguments.ts';
import type { Launched, Launcher, Listener } from './launcher.ts';
import type { SandboxSpec } from './port.ts';
import type { Slot, Slots } from './slots.ts';

export interface ForkServerConfig {
  readonly bwrap: string;
  readonly launcher: Launcher;
  /** Of paddock-forks, the program and the library. */
  readonly forksProgram: string;
  readonly forksLibrary: string;
  readonly etc: string;
  readonly seccompPath: string;
  /** Of the servers themselves; their uids are none of the sandboxes'. */
  readonly serverSlots: Slots;
  /** Host uids of the sandboxes, by slot; undefined where the executor is not root. */
  readonly uids: { readonly first: number; readonly count: number } | undefined;
  readonly cgroups: CgroupDriver | undefined;
  readonly startTimeoutMs: number;
}

/** A started interpreter, or nothing but a small process, that sandboxes are forked from. */
export interface ForkServer {
  /** How many it was asked for. */
  readonly forked: number;
  /** @throws where a request cannot be written down (a NUL) */
  fork(spec: SandboxSpec, slot: Slot, joinFiles: readonly string[], listener: Listener): Launched;
  /** Resolves when it is gone, and all its sandboxes with it. */
  readonly dead: Promise<void>;
  /** Ends it at once, and all its sandboxes with it. */
  destroy(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
/** Its own processes, and children on their way into their own cgroup. */
const SERVER_LIMITS = { memoryMb: 1_024, processes: 256, cpus: 4 };
const MAX_COMPLAINT = 2_000;

const fieldsFor = (spec: SandboxSpec, slot: Slot): string[] => {
  const command = spec.forked?.interpreter ? [] : (spec.warmCommand ?? []);
  const ahead = spec.forked?.interpreter ? 'caller' : command.length > 0 ? 'command' : 'nothing';
  const env = ahead === 'command' ? Object.entries(spec.env).map(([name, value]) => `${name}=${value}`) : [];
  return [
    // Inside, the server's own uid is 0, and its sandboxes' are from 1 on.
    String(slot.uid === undefined ? 0 : slot.number + 1),
    String(spec.limits.scratchMb * MEBIBYTE),
    String(spec.limits.scratchFiles + OWN_INODES),
    ahead,
    String(command.length),
    ...command,
    ...env,
  ];
};

const untilServing = async (
  start: (listener: Listener) => Launched & { readonly number: number },
  timeoutMs: number,
): Promise<Launched & { readonly number: number }> => {
  const serving = Promise.withResolvers<void>();
  let said = '';
  const hear = (text: string): void => {
    if (said.length < MAX_COMPLAINT) said += text;
    if (said.split('\n').includes('serving')) serving.resolve();
  };
  const launched = start({
    said: hear,
    output: (_stream, bytes) => hear(bytes.toString('utf8')),
    outputEnded: () => {},
  });
  const fail = (why: string): void => serving.reject(new Error(`${why}${said ? `: ${said.trim()}` : ''}`));
  const timer = setTimeout(() => fail(`no fork server after ${timeoutMs} ms`), timeoutMs);
  void launched.dead.then(() => fail('the fork server ended before it was ready'));
  try {
    await serving.promise;
    return launched;
  } catch (error) {
    launched.kill();
    await launched.dead;
    throw error;
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Starts the fork server for a spec: all specs with the same `forked.key` can be forked from it.
 * @throws where it does not come up, with what it said; nothing is left behind then
 */
export const startForkServer = async (config: ForkServerConfig, spec: SandboxSpec): Promise<ForkServer> => {
  const { launcher, serverSlots } = config;
  const interpreter = spec.forked?.interpreter ? spec.warmCommand : undefined;
  const slot = await serverSlots.take();
  let cgroup: Cgroup | undefined;
  const release = async (): Promise<void> => {
    try {
      await cgroup?.remove();
    } finally {
      serverSlots.give(slot);
    }
  };
  let launched: Launched & { readonly number: number };
  try {
    cgroup = await config.cgroups?.create();
    cgroup?.limit(SERVER_LIMITS);
    const args = serverArguments({
      bwrap: config.bwrap,
      stage: slot.stage,
      stdin: slot.stdin,
      seccomp: config.seccompPath,
      etc: config.etc,
      joinFiles: cgroup?.joinFiles ?? [],
      uid: slot.uid,
      root: spec.root,
      shown: spec.shown,
      links: spec.links ?? {},
      env: interpreter ? spec.env : {},
      forks: interpreter ? config.forksLibrary : config.forksProgram,
      interpreter,
      uids: config.uids,
    });
    launched = await untilServing((listener) => launcher.start(args, listener), config.startTimeoutMs);
  } catch (error) {
    await release();
    throw error;
  }
  const dead = launched.dead.then(release);
  let forked = 0;
  return {
    dead,
    get forked() {
      return forked;
    },
    fork(own, sandboxSlot, joinFiles, listener) {
      forked += 1;
      return launcher.fork(
        {
          server: launched.number,
          stdin: sandboxSlot.stdin,
          group: sandboxSlot.uid ?? -1,
          joinFiles,
          fields: fieldsFor(own, sandboxSlot),
        },
        listener,
      );
    },
    destroy() {
      launched.kill();
      return dead;
    },
  };
};

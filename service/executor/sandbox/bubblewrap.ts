import { startArguments } from './arguments.ts';
import type { Launcher } from './launcher.ts';
import { type MakingConfig, makeSandbox, type Way } from './making.ts';
import type { Sandbox, SandboxMaker } from './port.ts';

export interface BubblewrapConfig extends MakingConfig {
  readonly bwrap: string;
  readonly launcher: Launcher;
  readonly init: string;
  readonly etc: string;
  /** File with the seccomp program; bubblewrap reads it anew for each sandbox. */
  readonly seccompPath: string;
  /** How long a sandbox may take to get ready, in ms. */
  readonly startTimeoutMs: number;
}

const MEBIBYTE = 1024 * 1024;

/** Sandboxes that have a bubblewrap of their own each. */
export const createBubblewrapMaker = (config: BubblewrapConfig): SandboxMaker => {
  const living = new Set<Sandbox>();
  let closed = false;
  const way: Way = {
    timeoutMs: config.startTimeoutMs,
    workFolder: (slot) => `${slot.stage}/work`,
    launch: (spec, slot, joinFiles, listener) =>
      config.launcher.start(
        startArguments({
          bwrap: config.bwrap,
          stage: slot.stage,
          stdin: slot.stdin,
          seccomp: config.seccompPath,
          etc: config.etc,
          init: config.init,
          joinFiles,
          uid: slot.uid,
          scratchBytes: spec.limits.scratchMb * MEBIBYTE,
          scratchInodes: spec.limits.scratchFiles,
          root: spec.root,
          shown: spec.shown,
          links: spec.links ?? {},
          warmCommand: spec.warmCommand ?? [],
          env: spec.env,
        }),
        listener,
      ),
  };
  return {
    async create(spec, signal) {
      if (closed) throw new Error('no more sandboxes are made');
      const sandbox = await makeSandbox(config, way, spec, signal, (ended) => living.delete(ended));
      living.add(sandbox);
      return sandbox;
    },
    async close() {
      closed = true;
      await Promise.all([...living].map((sandbox) => sandbox.destroy()));
    },
  };
};

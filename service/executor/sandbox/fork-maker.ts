import { type ForkServer, type ForkServerConfig, startForkServer } from './fork-server.ts';
import { type MakingConfig, makeSandbox } from './making.ts';
import type { Sandbox, SandboxMaker, SandboxSpec } from './port.ts';

export interface ForkMakerConfig extends MakingConfig, ForkServerConfig {
  /** The way that a spec falls back to, and that specs without `forked` take. */
  readonly single: SandboxMaker;
  /** How long one sandbox may take to come up in which nothing is started, in ms: longer, and it has gone wrong. */
  readonly forkTimeoutMs: number;
  /** Hears why a sandbox had to be made the other way, and what else goes wrong with a server. */
  readonly onFallback: (error: Error) => void;
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface ForkMaker extends SandboxMaker {
  counters(): { readonly forked: number; readonly fallbacks: number; readonly servers: number };
}

/** A server in use, and what hangs on it. */
interface Member {
  readonly server: ForkServer;
  readonly startedAt: number;
  /** Sandboxes that live, and those on their way. */
  living: number;
  failures: number;
  retired: boolean;
}

/** The servers that specs with one key are forked from. */
interface Group {
  members: Member[];
  starting: Promise<void> | undefined;
  notBefore: number;
}

/**
 * Sandboxes from one interpreter share its hash seed and the layout of its memory: several servers take turns at random,
 * and each is replaced after so many sandboxes or so much time. Those that start their program by exec have all that anew.
 */
const INTERPRETERS = 3;
/** Starting one takes 50 ms of a core, which executions in the meantime feel: at full load every few seconds, not more often. */
const MOST_FORKS = 2_000;
const MOST_AGE_MS = 30 * 60_000;
/** In a row; then it is replaced. */
const MOST_FAILURES = 3;
const RETRY_SERVER_MS = 10_000;

/** Waits no longer than the one it is for. */
const whileWanted = async (wait: Promise<void> | undefined, signal?: AbortSignal): Promise<void> => {
  const { promise: unwanted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new Error('cancelled'));
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  try {
    await Promise.race([wait, unwanted]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
};

/** A JVM takes seconds on a busy machine. */
const startsCommand = ({ warmCommand, forked }: SandboxSpec): boolean =>
  warmCommand !== undefined && forked?.interpreter !== true;

export const createForkMaker = (config: ForkMakerConfig): ForkMaker => {
  const groups = new Map<string, Group>();
  const members = new Set<Member>();
  const living = new Set<Sandbox>();
  const counts = { forked: 0, fallbacks: 0 };
  let closed = false;
  const assertOpen = (): void => {
    if (closed) throw new Error('no more sandboxes are made');
  };

  /** No more is forked from it; it ends with the last of its sandboxes. */
  const retire = (group: Group, member: Member): void => {
    member.retired = true;
    group.members = group.members.filter((other) => other !== member);
    if (member.living === 0) void member.server.destroy();
  };

  const addServer = async (group: Group, spec: SandboxSpec): Promise<void> => {
    const server = await startForkServer(config, spec);
    const member: Member = { server, startedAt: config.now(), living: 0, failures: 0, retired: false };
    members.add(member);
    if (closed) {
      await server.destroy();
      return;
    }
    group.members.push(member);
    void server.dead.catch(config.onFallback).then(() => {
      members.delete(member);
      group.members = group.members.filter((other) => other !== member);
      // One that does not live is not started over and over; after a long life another follows at once.
      if (!member.retired) group.notBefore = Math.max(group.notBefore, member.startedAt + RETRY_SERVER_MS);
    });
  };

  const isWorn = (member: Member): boolean =>
    member.server.forked >= MOST_FORKS || config.now() - member.startedAt > MOST_AGE_MS;

  /** One server at a time, until there are as many as wanted; the worn go when others are there. */
  const tend = (group: Group, spec: SandboxSpec): void => {
    const wanted = spec.forked?.interpreter ? INTERPRETERS : 1;
    const fresh = group.members.filter((member) => !isWorn(member)).length;
    if (fresh >= wanted) {
      for (const member of group.members) if (isWorn(member)) retire(group, member);
      return;
    }
    if (group.starting || closed || group.notBefore > config.now()) return;
    group.starting = addServer(group, spec)
      .catch((error: Error) => {
        group.notBefore = config.now() + RETRY_SERVER_MS;
        config.onFallback(error);
      })
      .finally(() => {
        group.starting = undefined;
        tend(group, spec);
      });
  };

  const memberFor = async (
    spec: SandboxSpec,
    key: string,
    signal?: AbortSignal,
  ): Promise<{ group: Group; member: Member } | undefined> => {
    let group = groups.get(key);
    if (!group) {
      group = { members: [], starting: undefined, notBefore: 0 };
      groups.set(key, group);
    }
    tend(group, spec);
    if (group.members.length === 0) await whileWanted(group.starting, signal);
    const member = group.members[Math.floor(config.random() * group.members.length)];
    return member && { group, member };
  };

  const forkFrom = async (
    { group, member }: { group: Group; member: Member },
    spec: SandboxSpec,
    signal?: AbortSignal,
  ): Promise<Sandbox> => {
    member.living += 1;
    const leave = (): void => {
      member.living -= 1;
      if (member.retired && member.living === 0) void member.server.destroy();
    };
    try {
      const sandbox = await makeSandbox(
        config,
        {
          timeoutMs: startsCommand(spec) ? config.startTimeoutMs : config.forkTimeoutMs,
          workFolder: () => '/work',
          launch: (own, slot, joinFiles, listener) => member.server.fork(own, slot, joinFiles, listener),
        },
        spec,
        signal,
        (ended) => {
          living.delete(ended);
          void ended.dead.then(leave);
        },
      );
      living.add(sandbox);
      member.failures = 0;
      return sandbox;
    } catch (error) {
      leave();
      // That it was not wanted any more says nothing about the server.
      if (!signal?.aborted) member.failures += 1;
      if (member.failures >= MOST_FAILURES && !member.retired) retire(group, member);
      throw error;
    }
  };

  return {
    async create(spec, signal) {
      assertOpen();
      if (!spec.forked) return config.single.create(spec, signal);
      try {
        const from = await memberFor(spec, spec.forked.key, signal);
        if (from) {
          const sandbox = await forkFrom(from, spec, signal);
          counts.forked += 1;
          return sandbox;
        }
      } catch (error) {
        if (signal?.aborted || closed) throw error;
        config.onFallback(error as Error);
      }
      assertOpen();
      counts.fallbacks += 1;
      return config.single.create(spec, signal);
    },
    counters: () => ({ ...counts, servers: members.size }),
    async close() {
      closed = true;
      await Promise.all([...living].map((sandbox) => sandbox.destroy()));
      await Promise.all([...groups.values()].map(({ starting }) => starting));
      await Promise.all([...members].map(({ server }) => server.destroy()));
      await config.single.close();
    },
  };
};

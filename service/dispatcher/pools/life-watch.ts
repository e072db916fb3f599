import type { Launched } from '../../cluster/port.ts';

/** An executor that ends sooner than this after its start did not work. */
export const earlyEndMs = 10_000;
/** From its start on a node until it joins and answers. */
export const joinWithinMs = 60_000;

export interface Found {
  /** Executors that ended soon after their start, untold. */
  readonly endedEarly: number;
  /** On a node for long, and never known to answer. */
  readonly overdue: readonly Launched[];
  /** When the youngest was first seen of those that have lived long enough to have proved themselves. */
  readonly provedSince: number | undefined;
}

interface Life {
  readonly firstSeenAt: number;
  /** About when it came to its node. */
  bornAt: number | undefined;
  seenPlacedAt: number | undefined;
  retiring: boolean;
}

/** Follows the executors of a pool from one look to the next. */
export interface LifeWatch {
  look(
    now: number,
    epoch: number,
    launched: readonly Launched[],
    joined: (executor: string) => boolean,
  ): Found;
}

export const createLifeWatch = (): LifeWatch => {
  const lives = new Map<string, Life>();

  const see = (now: number, epoch: number, one: Launched): Life => {
    const known = lives.get(one.id);
    const life = known ?? { firstSeenAt: now, bornAt: undefined, seenPlacedAt: undefined, retiring: false };
    lives.set(one.id, life);
    if (one.state === 'retiring') life.retiring = true;
    if (one.state === 'placed') {
      life.seenPlacedAt ??= now;
      life.bornAt ??= known ? now : now - Math.max(0, epoch - one.launchedAt);
    }
    return life;
  };

  const countEnded = (now: number, present: ReadonlySet<string>): number => {
    let early = 0;
    for (const [id, { retiring, bornAt }] of lives) {
      if (present.has(id)) continue;
      lives.delete(id);
      // One that was never seen on a node came and went between two looks.
      if (!retiring && now - (bornAt ?? now) < earlyEndMs) early++;
    }
    return early;
  };

  return {
    look(now, epoch, launched, joined) {
      const overdue: Launched[] = [];
      let provedSince: number | undefined;
      for (const one of launched) {
        const { seenPlacedAt, firstSeenAt } = see(now, epoch, one);
        if (one.state !== 'placed' || seenPlacedAt === undefined) continue;
        const isJoined = one.executor !== undefined && joined(one.executor);
        if (!isJoined && now - seenPlacedAt >= joinWithinMs) overdue.push(one);
        if (isJoined && now - seenPlacedAt >= earlyEndMs)
          provedSince = Math.max(provedSince ?? firstSeenAt, firstSeenAt);
      }
      return { endedEarly: countEnded(now, new Set(launched.map(({ id }) => id))), overdue, provedSince };
    },
  };
};

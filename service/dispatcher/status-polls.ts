import type { Clock } from '../cluster/clock.ts';

export interface StatusPolls<M> {
  /** Asked at once, and then in turn with the others. */
  add(member: M): void;
  remove(member: M): void;
  /** Asked out of turn, unless that is to happen anyway. */
  soon(member: M, ms: number): void;
  /** How long it takes until all have been asked once, in ms. */
  roundMs(): number;
  close(): void;
}

export interface StatusPollsOptions<M> {
  readonly clock: Clock;
  /** How often each is asked while they are few. */
  readonly everyMs: number;
  /** Asks one; never rejects. Answers in how many ms to ask again out of turn, or undefined where its turn is soon enough. */
  readonly ask: (member: M) => Promise<number | undefined>;
  /** When it last said anything of itself, unasked. */
  readonly heardAt: (member: M) => number;
}

/** So many are asked in turn each second, however many there are: 1,000 of them every 5 s. */
const mostPerSecond = 200;
/** So many out of turn at the same time: a thousand that join at once are not to stop everything else. */
const mostAtOnce = 64;
/** One that tells how it is with its answers is still asked each so many rounds: they do not tell everything. */
const roundsUnasked = 4;

/** Who is asked for its status when. Turns are spread evenly over time, so that they are never felt. */
export const createStatusPolls = <M>(options: StatusPollsOptions<M>): StatusPolls<M> => {
  const { clock } = options;
  const members: M[] = [];
  const askedAt = new Map<M, number>();
  /** Out of turn, to come: those that were never asked go first. */
  const fresh: M[] = [];
  const again: M[] = [];
  /** Those that are asked now, wait to be, or will be out of turn. */
  const engaged = new Set<M>();
  let outOfTurn = 0;
  let next = 0;
  let cancelTurn: (() => void) | undefined;
  let closed = false;

  const roundMs = (): number => Math.max(options.everyMs, (members.length * 1_000) / mostPerSecond);

  const ask = async (member: M): Promise<void> => {
    askedAt.set(member, clock.now());
    const inMs = await options.ask(member);
    engaged.delete(member);
    if (inMs !== undefined) soon(member, inMs);
  };

  const drain = (): void => {
    while (outOfTurn < mostAtOnce && !closed) {
      const member = fresh.shift() ?? again.shift();
      if (member === undefined) return;
      if (!askedAt.has(member)) continue;
      outOfTurn++;
      void ask(member).then(() => {
        outOfTurn--;
        drain();
      });
    }
  };

  const soon = (member: M, ms: number): void => {
    if (closed || engaged.has(member) || !askedAt.has(member)) return;
    engaged.add(member);
    clock.after(ms, () => {
      again.push(member);
      drain();
    });
  };

  const isDue = (member: M): boolean => {
    const [now, round] = [clock.now(), roundMs()];
    // Half, for what it said at its last turn came a little after it.
    const unheard = now - options.heardAt(member) >= round / 2;
    return unheard || now - (askedAt.get(member) ?? 0) >= roundsUnasked * round;
  };

  const turn = (): void => {
    cancelTurn = undefined;
    if (members.length === 0) return;
    next = (next + 1) % members.length;
    const member = members[next];
    if (member !== undefined && !engaged.has(member) && isDue(member)) {
      engaged.add(member);
      void ask(member);
    }
    arm();
  };
  const arm = (): void => {
    cancelTurn ??= clock.after(roundMs() / members.length, turn);
  };

  return {
    add(member) {
      members.push(member);
      askedAt.set(member, clock.now());
      engaged.add(member);
      fresh.push(member);
      drain();
      arm();
    },
    remove(member) {
      const index = members.indexOf(member);
      if (index === -1) return;
      members.splice(index, 1);
      if (index <= next) next--;
      askedAt.delete(member);
      engaged.delete(member);
    },
    soon,
    roundMs,
    close() {
      closed = true;
      cancelTurn?.();
      members.length = 0;
      askedAt.clear();
    },
  };
};

import type { Clock } from '../clock.ts';
import type { TokenSigner } from './executor-token.ts';

/** Half of a token's life: an executor whose clock is ahead takes it to the end of this time too. */
const RENEW_AFTER_MS = 150_000;
/** Tokens that are nearly due are renewed along with the first, so that a thousand do not mean a thousand timers. */
const TOGETHER_MS = 5_000;
const RETRY_MS = 1_000;

/** Tokens that are always valid, for audiences that come and go. */
export interface KeptTokens {
  /** Resolves with a getter of the Authorization header, good now whenever it is called. Asked twice, it is the same one. */
  for(audience: string): Promise<() => string>;
  /** This audience is gone: its token is not renewed any more. */
  forget(audience: string): void;
  /** Renews nothing from here on. */
  close(): void;
}

interface Kept {
  readonly header: () => string;
  token: string;
  renewAt: number;
}

/** One timer for all tokens, however many: they are renewed one after the other, in the order they were made in. */
export const keepTokens = (signer: TokenSigner, clock: Clock): KeptTokens => {
  /** By audience. All live equally long, so in order of insertion the first is the first to be renewed. */
  const kept = new Map<string, Kept>();
  const made = new Map<string, Promise<() => string>>();
  let cancel: (() => void) | undefined;
  let renewing = false;
  let closed = false;

  const schedule = (leastMs = 0): void => {
    const [first] = kept.values();
    if (closed || renewing || cancel || !first) return;
    cancel = clock.after(Math.max(leastMs, first.renewAt - clock.now()), () => {
      cancel = undefined;
      void renew();
    });
  };

  const renewFirst = async (audience: string, entry: Kept): Promise<void> => {
    const token = await signer.sign(audience);
    if (kept.get(audience) !== entry) return; // forgotten meanwhile
    entry.token = token;
    entry.renewAt = clock.now() + RENEW_AFTER_MS;
    kept.delete(audience);
    kept.set(audience, entry);
  };

  const renew = async (): Promise<void> => {
    renewing = true;
    let failed = false;
    try {
      for (;;) {
        const [first] = kept;
        if (closed || !first || first[1].renewAt > clock.now() + TOGETHER_MS) break;
        await renewFirst(...first);
      }
    } catch {
      failed = true; // the token is good for as long again, and the next try is soon
    } finally {
      renewing = false;
      schedule(failed ? RETRY_MS : 0);
    }
  };

  const make = async (audience: string, current: () => boolean): Promise<() => string> => {
    const token = await signer.sign(audience);
    const entry: Kept = {
      token,
      renewAt: clock.now() + RENEW_AFTER_MS,
      header: () => `Bearer ${entry.token}`,
    };
    if (current()) {
      kept.set(audience, entry);
      schedule();
    }
    return entry.header;
  };

  return {
    for(audience) {
      const known = made.get(audience);
      if (known) return known;
      const header: Promise<() => string> = make(audience, () => made.get(audience) === header);
      made.set(audience, header);
      header.catch(() => {
        if (made.get(audience) === header) made.delete(audience);
      });
      return header;
    },
    forget(audience) {
      made.delete(audience);
      kept.delete(audience);
    },
    close() {
      closed = true;
      cancel?.();
      cancel = undefined;
    },
  };
};

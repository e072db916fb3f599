import { timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import type { Clock } from '../../cluster/clock.ts';
import { faultsOf } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';
import { type TokensFile, tokensFileSchema } from '../../contracts/service.ts';
import { hashToken, tokenPattern } from '../../contracts/token.ts';
import { policyOf, type TenantPolicy } from './policy.ts';

const checkEveryMs = 500;

export interface TokenStore {
  /** Once a token was seen it stays true: revoking the last one must not open the service to everybody. */
  required(): boolean;
  find(token: string): TenantPolicy | undefined;
}

interface Entry {
  readonly hash: Buffer;
  readonly policy: TenantPolicy;
}

export interface TokenStoreOptions {
  readonly path: string;
  readonly maxLimits: Limits;
  readonly clock: Clock;
  readonly log: { error(fields: object, message: string): void };
}

/**
 * Tokens from the tokens file, read again when it changes. A file that is unreadable at the start throws; one that
 * breaks later leaves the tokens as they were.
 */
export const createTokenStore = (options: TokenStoreOptions): TokenStore => {
  let entries: Entry[] = [];
  let everHadTokens = false;
  let stamp = '';
  let checkedAt = Number.NEGATIVE_INFINITY;

  const load = (): void => {
    checkedAt = options.clock.now();
    const stats = statSync(options.path, { throwIfNoEntry: false });
    const found = stats ? `${stats.mtimeMs}/${stats.size}/${stats.ino}` : 'absent';
    if (found === stamp) return;
    stamp = found;
    const file = stats ? readTokensFile(options.path) : { tokens: [] };
    entries = file.tokens.map((tenant) => ({
      hash: Buffer.from(tenant.tokenHash, 'hex'),
      policy: policyOf(tenant, options.maxLimits),
    }));
    everHadTokens ||= entries.length > 0;
  };

  const refresh = (): void => {
    if (options.clock.now() - checkedAt < checkEveryMs) return;
    try {
      load();
    } catch (error) {
      options.log.error({ err: error }, 'the tokens file cannot be read; the tokens known so far stay');
    }
  };

  load();
  return {
    required() {
      refresh();
      return everHadTokens;
    },
    find(token) {
      refresh();
      if (!tokenPattern.test(token)) return undefined;
      const hash = Buffer.from(hashToken(token), 'hex');
      let found: TenantPolicy | undefined;
      // Every entry is compared, so that the time taken says nothing about which one matched.
      for (const entry of entries) if (timingSafeEqual(entry.hash, hash)) found = entry.policy;
      return found;
    },
  };
};

const readTokensFile = (path: string): TokensFile => {
  const parsed = z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'not valid JSON' });
        return z.NEVER;
      }
    })
    .pipe(tokensFileSchema)
    .safeParse(readFileSync(path, 'utf8'));
  if (parsed.success) return parsed.data;
  const faults = faultsOf(parsed.error).map((fault) => `${fault.path || 'file'}: ${fault.message}`);
  throw new Error(`The tokens file ${path} is not valid: ${faults.join('; ')}`);
};

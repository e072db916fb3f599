import { z } from 'zod';
import { poolNameSchema } from './pool.ts';

/** An Ed25519 public key as a JSON Web Key (RFC 8037). */
export const publicKeySchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().min(1),
  kid: z.string().min(1),
});
export type PublicKey = z.infer<typeof publicKeySchema>;

/**
 * What an executor is told when it is launched, as the payload of the dispatch (at most 16 KiB). It holds no secret:
 * whoever reads it learns where dispatchers are and how to check their tokens.
 */
export const launchOrderSchema = z.object({
  pool: poolNameSchema,
  dispatchers: z
    .array(z.url())
    .max(64)
    .describe('Where to say that it is ready; others learn of it from Nomad'),
  keys: z.array(publicKeySchema).min(1).max(8).describe("Dispatchers' tokens are signed with one of them"),
});
export type LaunchOrder = z.infer<typeof launchOrderSchema>;

/**
 * `POST /cluster/executors` of a dispatcher, from an executor that is ready or about to end. Authorization is its Nomad
 * workload identity with the audience `paddock`. Answered with 204.
 */
export const registrationSchema = z.strictObject({
  allocation: z.guid(),
  pool: poolNameSchema,
  url: z
    .url({ protocol: /^https?$/ })
    .max(512)
    .describe('Where dispatchers reach it'),
  node: z.string().max(256),
  state: z.enum(['ready', 'draining']),
});
export type Registration = z.infer<typeof registrationSchema>;

export const poolDemandSchema = z.strictObject({
  pool: poolNameSchema,
  waiting: z.int().min(0).describe('Executions that have waited long enough to ask for more executors'),
});
export type PoolDemand = z.infer<typeof poolDemandSchema>;

/**
 * `POST /cluster/demand` of the leading dispatcher, from the others: what waits in their queues. Authorization is a
 * token signed with the key that dispatchers share. Answered with 204.
 */
export const demandReportSchema = z.strictObject({
  dispatcher: z.string().min(1).max(128),
  url: z
    .url({ protocol: /^https?$/ })
    .max(512)
    .describe('Where executors and dispatchers reach the sender'),
  pools: z.array(poolDemandSchema).max(64),
});
export type DemandReport = z.infer<typeof demandReportSchema>;

/** The audience of workload identities that executors present. */
export const executorAudience = 'paddock';

/** What certificates are made out to, where there is TLS between dispatchers and executors: the part, not the host. */
export const executorServerName = 'executor.paddock';
export const dispatcherServerName = 'dispatcher.paddock';

import { createLocalJWKSet } from 'jose/jwks/local';
import { jwtVerify } from 'jose/jwt/verify';
import { z } from 'zod';
import { PaddockError } from '../../contracts/index.ts';
import type { Clock } from '../clock.ts';
import type { JsonWebKeySet } from '../nomad/api/answers.ts';

/** RS256 since Nomad 1.7, EdDSA for keys that are older. Both are public keys: no secret is shared with the cluster. */
const ALGORITHMS = ['RS256', 'EdDSA'];
const TOLERANCE_S = 30;
/** A key id that is not known asks for the set again, but nobody makes it be asked for all the time. */
const REFRESH_AT_MOST_EVERY_MS = 1_000;
/** Keys that the cluster has withdrawn are no longer taken after this. */
const REFRESH_AFTER_MS = 600_000;
const SCHEME = 'Bearer ';

/** Who an executor is, as Nomad says. */
export interface WorkloadIdentity {
  readonly allocation: string;
  /** Of a dispatched job this is the parameterized one, its parent. */
  readonly job: string;
  readonly namespace: string;
  readonly task: string;
}

export interface WorkloadVerifierConfig {
  /** The cluster's key set as it is now: /.well-known/jwks.json. */
  readonly keys: () => Promise<JsonWebKeySet>;
  readonly audience: string;
  readonly clock: Clock;
}

export interface WorkloadVerifier {
  /** @throws PaddockError unauthorized, with the reason, for anything but a valid identity */
  verify(jwt: string): Promise<WorkloadIdentity>;
}

/** https://developer.hashicorp.com/nomad/docs/concepts/workload-identity */
const claimsSchema = z
  .object({
    nomad_allocation_id: z.string().min(1),
    nomad_job_id: z.string().min(1),
    nomad_namespace: z.string().min(1),
    nomad_task: z.string().min(1),
  })
  .transform(
    (claims): WorkloadIdentity => ({
      allocation: claims.nomad_allocation_id,
      job: claims.nomad_job_id,
      namespace: claims.nomad_namespace,
      task: claims.nomad_task,
    }),
  );

/** @throws PaddockError unauthorized where the header is missing or is none with a token */
export const bearerOf = (authorization: string | undefined): string => {
  if (!authorization?.startsWith(SCHEME))
    throw new PaddockError('unauthorized', {
      detail: 'an Authorization header with a Bearer token is needed',
    });
  return authorization.slice(SCHEME.length);
};

type KeySet = ReturnType<typeof createLocalJWKSet>;

/** The cluster's keys, fetched when they are first needed, when they are old and when one is not among them. */
const keepKeys = ({ keys, clock }: WorkloadVerifierConfig) => {
  let known: KeySet | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<KeySet> | undefined;

  /** Why it fails names Nomad's address: that is for the log, not for whoever asks without an identity. */
  const ask = async (): Promise<JsonWebKeySet> => {
    try {
      return await keys();
    } catch (error) {
      throw new Error("the cluster's keys could not be fetched", { cause: error });
    }
  };
  const fetch = async (): Promise<KeySet> => {
    try {
      known = createLocalJWKSet(await ask());
      fetchedAt = clock.now();
      return known;
    } finally {
      underWay = undefined;
    }
  };
  const refresh = (): Promise<KeySet> | undefined => {
    if (!underWay && clock.now() - triedAt >= REFRESH_AT_MOST_EVERY_MS) {
      triedAt = clock.now();
      underWay = fetch();
    }
    return underWay;
  };

  return {
    /** Those at hand; old ones go on where the cluster does not answer. */
    async current(): Promise<KeySet> {
      if (known && clock.now() - fetchedAt < REFRESH_AFTER_MS) return known;
      const fetched = refresh();
      if (known) return (await fetched?.catch(() => undefined)) ?? known;
      if (!fetched) throw new Error("the cluster's keys could not be fetched");
      return fetched;
    },
    /** Newer ones, or undefined where they were asked for a moment ago. */
    refresh,
  };
};

const isUnknownKey = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_JWKS_NO_MATCHING_KEY';

export const createWorkloadVerifier = (config: WorkloadVerifierConfig): WorkloadVerifier => {
  const { audience, clock } = config;
  const keys = keepKeys(config);
  const check = async (jwt: string, keySet: KeySet): Promise<WorkloadIdentity> => {
    const { payload } = await jwtVerify(jwt, keySet, {
      algorithms: ALGORITHMS,
      audience,
      // An `exp` is checked where there is one: Nomad signs identities without a ttl for good. The door asks whether
      // the allocation still runs.
      clockTolerance: TOLERANCE_S,
      currentDate: new Date(clock.epoch()),
    });
    return claimsSchema.parse(payload);
  };
  const checkWithNewer = async (jwt: string, unknown: unknown): Promise<WorkloadIdentity> => {
    const newer = await keys.refresh();
    if (!newer) throw unknown;
    return check(jwt, newer);
  };

  return {
    async verify(jwt) {
      try {
        const current = await keys.current();
        return await check(jwt, current).catch((error: unknown) => {
          if (isUnknownKey(error)) return checkWithNewer(jwt, error);
          throw error;
        });
      } catch (error) {
        const reason =
          error instanceof Error && !(error instanceof z.ZodError) ? error.message : 'claims are missing';
        throw new PaddockError(
          'unauthorized',
          { detail: `the workload identity is not valid: ${reason}` },
          { cause: error },
        );
      }
    },
  };
};

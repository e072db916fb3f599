import { JOSEError } from 'jose/errors';
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint';
import { SignJWT } from 'jose/jwt/sign';
import { type JWTVerifyGetKey, jwtVerify } from 'jose/jwt/verify';
import { exportJWK } from 'jose/key/export';
import { generateKeyPair } from 'jose/key/generate/keypair';
import { importJWK } from 'jose/key/import';
import { z } from 'zod';
import { type PublicKey, publicKeySchema } from '../../contracts/cluster-api.ts';
import type { Clock } from '../clock.ts';

/*
 * What dispatchers show to executors and to each other: an Ed25519 JSON Web Token (RFC 8037, RFC 7519) for one audience.
 * To an executor that is the id of its allocation, so a token that one of them saw is worth nothing at another.
 */
const ALGORITHM = 'EdDSA';
const ISSUER = 'paddock';
const LIFETIME_S = 300;
/** Nodes' clocks differ. */
const TOLERANCE_S = 30;
const SCHEME = 'Bearer ';
/** A few dispatchers, each with the token it has and the one before. */
const MOST_REMEMBERED = 256;

/** The key that dispatchers share, as it is kept in a Nomad Variable. */
export const signingKeySchema = publicKeySchema.extend({ d: z.string().min(1) });
export type SigningKey = z.infer<typeof signingKeySchema>;

/** Drops the private part, and whatever else there is. */
export const publicKeyOf = (key: SigningKey): PublicKey => publicKeySchema.parse(key);

/** A fresh Ed25519 key pair; its key id is the RFC 7638 thumbprint. */
export const createSigningKey = async (): Promise<{ privateJwk: SigningKey; publicKey: PublicKey }> => {
  const { privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  const privateJwk = signingKeySchema.parse({ ...jwk, kid: await calculateJwkThumbprint(jwk) });
  return { privateJwk, publicKey: publicKeyOf(privateJwk) };
};

export interface TokenSigner {
  /** A token that this audience takes for five minutes. */
  sign(audience: string): Promise<string>;
}

export const createTokenSigner = (privateJwk: SigningKey, clock: Clock): TokenSigner => {
  const key = importJWK(privateJwk, ALGORITHM);
  key.catch(() => {}); // told by each sign
  return {
    async sign(audience) {
      const now = Math.floor(clock.epoch() / 1_000);
      return new SignJWT()
        .setProtectedHeader({ alg: ALGORITHM, kid: privateJwk.kid })
        .setIssuer(ISSUER)
        .setAudience(audience)
        .setIssuedAt(now)
        .setExpirationTime(now + LIFETIME_S)
        .sign(await key);
    },
  };
};

export interface TokenVerifier {
  /** Whether an Authorization header is good now; at once, without a promise, for a token that was seen before. Never rejects. */
  verify(authorization: string | undefined): boolean | Promise<boolean>;
}

/** @param audience what the token must be made out to: the id of an allocation, or the dispatchers' common name */
export const createTokenVerifier = (
  keys: readonly PublicKey[],
  audience: string,
  clock: Clock,
): TokenVerifier => {
  const imported = new Map(keys.map((key) => [key.kid, importJWK(publicKeySchema.parse(key), ALGORITHM)]));
  for (const key of imported.values()) key.catch(() => {}); // told by each verification
  /** Header to the time it ends at, the least recently used first. Only good ones get in, so nobody can fill it. */
  const seen = new Map<string, number>();

  const keyOf: JWTVerifyGetKey = async ({ kid }) => {
    const key = kid === undefined ? undefined : await imported.get(kid);
    if (!key) throw new JOSEError('the token is signed with an unknown key');
    return key;
  };

  const remember = (authorization: string, expiresAt: number): void => {
    seen.set(authorization, expiresAt);
    const [oldest] = seen.keys();
    if (seen.size > MOST_REMEMBERED && oldest !== undefined) seen.delete(oldest);
  };

  const examine = async (authorization: string): Promise<boolean> => {
    try {
      const { payload } = await jwtVerify(authorization.slice(SCHEME.length), keyOf, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience,
        requiredClaims: ['exp'],
        clockTolerance: TOLERANCE_S,
        currentDate: new Date(clock.epoch()),
      });
      remember(authorization, ((payload.exp ?? 0) + TOLERANCE_S) * 1_000);
      return true;
    } catch {
      return false; // whatever is wrong with it, it is no token for here
    }
  };

  return {
    verify(authorization) {
      if (!authorization?.startsWith(SCHEME)) return false;
      const expiresAt = seen.get(authorization);
      if (expiresAt === undefined) return examine(authorization);
      seen.delete(authorization);
      if (expiresAt <= clock.epoch()) return false;
      seen.set(authorization, expiresAt);
      return true;
    },
  };
};

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { importJWK } from 'jose/key/import';
import {
  createSigningKey,
  createTokenSigner,
  createTokenVerifier,
  publicKeyOf,
  type SigningKey,
} from '../../../../service/cluster/trust/executor-token.ts';
import { createHandClock } from '../../hand-clock.ts';

const OWN = 'a1b2c3d4-0000-4000-8000-000000000001';
const OTHER = 'a1b2c3d4-0000-4000-8000-000000000002';
const START_MS = 1_800_000_000_000;

const clockAt = (epoch: number) => {
  const clock = createHandClock();
  clock.advance(epoch);
  return clock;
};
const { privateJwk, publicKey } = await createSigningKey();
const stranger = await createSigningKey();

const prepared = () => {
  const clock = clockAt(START_MS);
  return {
    clock,
    sign: (audience: string) => createTokenSigner(privateJwk, clock).sign(audience),
    verifier: createTokenVerifier([publicKey], OWN, clock),
  };
};

/** A token as somebody else might make it. */
const forge = async (
  claims: JWTPayload,
  header: { alg?: string; kid?: string } = {},
  key: SigningKey = privateJwk,
) => {
  const now = START_MS / 1_000;
  const payload = { iss: 'paddock', aud: OWN, iat: now, exp: now + 60, ...claims };
  return `Bearer ${await new SignJWT(JSON.parse(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', kid: publicKey.kid, ...header })
    .sign(await importJWK(key, 'EdDSA'))}`;
};

describe('a signing key', () => {
  test('has its thumbprint as id, and a public part that holds nothing of the private one', async () => {
    assert.match(publicKey.kid, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(privateJwk.kid, publicKey.kid);
    assert.deepEqual(Object.keys(publicKey).sort(), ['crv', 'kid', 'kty', 'x']);
    assert.deepEqual(publicKeyOf(privateJwk), publicKey);
    assert.notEqual(stranger.publicKey.kid, publicKey.kid);
  });
});

describe("an executor's token", () => {
  test('is taken by the one it is made out to, for five minutes and what clocks may differ', async () => {
    const { clock, sign, verifier } = prepared();
    const header = `Bearer ${await sign(OWN)}`;
    assert.equal(await verifier.verify(header), true);
    clock.advance(325_000);
    assert.equal(await verifier.verify(header), true);
    assert.equal(await createTokenVerifier([publicKey], OWN, clock).verify(header), true);
    clock.advance(5_000);
    assert.equal(await verifier.verify(header), false, 'remembered, and expired');
    assert.equal(await verifier.verify(header), false, 'forgotten, and expired');
    assert.equal(await createTokenVerifier([publicKey], OWN, clock).verify(header), false);
  });

  test('is taken where the clock of the node is behind', async () => {
    const header = `Bearer ${await prepared().sign(OWN)}`;
    assert.equal(
      await createTokenVerifier([publicKey], OWN, clockAt(START_MS - 25_000)).verify(header),
      true,
    );
  });

  test('is taken without a promise once it is known', async () => {
    const { sign, verifier } = prepared();
    const header = `Bearer ${await sign(OWN)}`;
    assert.ok(verifier.verify(header) instanceof Promise);
    assert.equal(await verifier.verify(header), true);
    assert.equal(verifier.verify(header), true);
  });

  test('is taken whichever of the keys it is signed with', async () => {
    const clock = clockAt(START_MS);
    const verifier = createTokenVerifier([stranger.publicKey, publicKey], OWN, clock);
    for (const key of [privateJwk, stranger.privateJwk])
      assert.equal(await verifier.verify(`Bearer ${await createTokenSigner(key, clock).sign(OWN)}`), true);
  });

  test('is worth nothing at another executor, or with another issuer, key or time', async () => {
    const { sign, verifier } = prepared();
    const refused: Record<string, string | undefined> = {
      'another audience': `Bearer ${await sign(OTHER)}`,
      'no audience': await forge({ aud: undefined }),
      'another issuer': await forge({ iss: 'somebody' }),
      'no issuer': await forge({ iss: undefined }),
      'no end': await forge({ exp: undefined }),
      'ended long ago': await forge({ exp: START_MS / 1_000 - 31 }),
      'not yet valid': await forge({ nbf: START_MS / 1_000 + 31 }),
      'a key of its own under a known id': await forge({}, {}, stranger.privateJwk),
      'a key of its own under its own id': await forge(
        {},
        { kid: stranger.publicKey.kid },
        stranger.privateJwk,
      ),
      'no key id': await forge({}, { kid: undefined }),
    };
    for (const [what, header] of Object.entries(refused))
      assert.equal(await verifier.verify(header), false, what);
    assert.equal(await verifier.verify(await forge({})), true, 'the forger can make a good one');
  });

  test('needs a signature made with EdDSA', async () => {
    const { verifier } = prepared();
    const now = START_MS / 1_000;
    const claims = { iss: 'paddock', aud: OWN, exp: now + 60 };
    const unsigned = new UnsecuredJWT(claims).encode();
    assert.equal(await verifier.verify(`Bearer ${unsigned}`), false);
    // The public key is known to all: taken as the secret of an HMAC it would let anybody in.
    for (const secret of [publicKey.x, JSON.stringify(publicKey)]) {
      for (const bytes of [Buffer.from(secret), Buffer.from(secret, 'base64url')]) {
        const padded = Buffer.concat([bytes, Buffer.alloc(Math.max(0, 32 - bytes.length))]);
        const token = await new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256', kid: publicKey.kid })
          .sign(padded);
        assert.equal(await verifier.verify(`Bearer ${token}`), false);
      }
    }
  });

  test('cannot be changed, nor come another way', async () => {
    const { sign, verifier } = prepared();
    const token = await sign(OTHER);
    const [head, , signature] = token.split('.');
    const claims = { iss: 'paddock', aud: OWN, exp: START_MS / 1_000 + 60 };
    const changed = Buffer.from(JSON.stringify(claims)).toString('base64url');
    assert.equal(await verifier.verify(`Bearer ${head}.${changed}.${signature}`), false);
    const good = await sign(OWN);
    for (const header of [
      undefined,
      '',
      'Bearer ',
      'Bearer x',
      'Bearer a.b.c',
      good,
      `bearer ${good}`,
      `Basic ${good}`,
      `Bearer ${good}x`,
      `Bearer ${good.slice(0, -2)}`,
    ])
      assert.equal(await verifier.verify(header), false, header);
  });

  test('that is refused is never remembered, and good ones only so many', async () => {
    const { clock, verifier } = prepared();
    const signer = createTokenSigner(privateJwk, clock);
    const first = `Bearer ${await signer.sign(OWN)}`;
    assert.equal(await verifier.verify(first), true);
    for (let second = 0; second < 256; second++) {
      clock.advance(1_000); // two tokens of one second are the same
      assert.equal(await verifier.verify(`Bearer ${await signer.sign(OWN)}`), true);
    }
    assert.ok(verifier.verify(first) instanceof Promise);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import type { JsonWebKeySet } from '../../../../service/cluster/nomad/api/answers.ts';
import { bearerOf, createWorkloadVerifier } from '../../../../service/cluster/trust/workload-identity.ts';
import { PaddockError } from '../../../../service/contracts/index.ts';
import { createHandClock } from '../../hand-clock.ts';

const ALLOCATION = 'a1b2c3d4-0000-4000-8000-000000000001';
const START_MS = 1_800_000_000_000;
const NOW = START_MS / 1_000;

const keyPair = async (kid: string, alg = 'RS256') => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, kty: alg === 'RS256' ? 'RSA' : 'OKP', use: 'sig', alg };
  return { kid, alg, jwk, publicKey, privateKey };
};
type Pair = Awaited<ReturnType<typeof keyPair>>;
const [first, second, stranger, edwards] = await Promise.all([
  keyPair('k1'),
  keyPair('k2'),
  keyPair('k1'),
  keyPair('k3', 'EdDSA'),
]);

/** As Nomad signs it. */
const claims = {
  aud: 'paddock',
  iat: NOW,
  nbf: NOW,
  exp: NOW + 3_600,
  jti: 'j',
  sub: 'global:default:paddock-python:executor:executor:paddock',
  nomad_namespace: 'default',
  nomad_job_id: 'paddock-python',
  nomad_allocation_id: ALLOCATION,
  nomad_task: 'executor',
};
const identity = (changed: JWTPayload = {}, key: Pair = first): Promise<string> =>
  new SignJWT(JSON.parse(JSON.stringify({ ...claims, ...changed })))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .sign(key.privateKey);

const prepared = (published: readonly Pair[] = [first]) => {
  const clock = createHandClock();
  clock.advance(START_MS);
  const cluster = { published, fetches: 0, down: false };
  const verifier = createWorkloadVerifier({
    audience: 'paddock',
    clock,
    async keys(): Promise<JsonWebKeySet> {
      cluster.fetches += 1;
      if (cluster.down) throw new Error('no answer');
      return { keys: cluster.published.map(({ jwk }) => jwk) };
    },
  });
  const refused = (jwt: string, reason?: RegExp): Promise<void> =>
    assert.rejects(verifier.verify(jwt), (error) => {
      assert.ok(error instanceof PaddockError && error.code === 'unauthorized', String(error));
      if (reason) assert.match(error.message, reason);
      return true;
    });
  return { clock, cluster, verifier, refused };
};

describe('a workload identity', () => {
  test('tells the allocation, its job, namespace and task', async () => {
    const { cluster, verifier } = prepared([first, edwards]);
    const who = { allocation: ALLOCATION, job: 'paddock-python', namespace: 'default', task: 'executor' };
    assert.deepEqual(await verifier.verify(await identity()), who);
    assert.deepEqual(await verifier.verify(await identity({}, edwards)), who);
    assert.deepEqual(await verifier.verify(await identity({ aud: ['consul', 'paddock'] })), who);
    assert.equal(cluster.fetches, 1);
  });

  test("of another allocation is that allocation's", async () => {
    const other = 'a1b2c3d4-0000-4000-8000-000000000002';
    const { allocation } = await prepared().verifier.verify(await identity({ nomad_allocation_id: other }));
    assert.equal(allocation, other);
  });

  test('is refused with another audience, time or key, or without its claims', async () => {
    const { clock, refused } = prepared();
    await refused(await identity({ aud: 'vault' }), /aud/);
    await refused(await identity({ aud: undefined }), /aud/);
    await refused(await identity({ exp: NOW - 31 }), /exp/);
    await refused(await identity({ nbf: NOW + 31 }), /nbf/);
    await refused(await identity({}, stranger), /signature/);
    await refused(await identity({ nomad_allocation_id: undefined }), /claims are missing/);
    await refused(await identity({ nomad_task: '' }), /claims are missing/);
    const good = await identity();
    const [head, , signature] = good.split('.');
    const changed = Buffer.from(JSON.stringify({ ...claims, nomad_job_id: 'other' })).toString('base64url');
    await refused(`${head}.${changed}.${signature}`, /signature/);
    for (const nonsense of ['', 'x', 'a.b.c', `${good}x`]) await refused(nonsense);
    clock.advance(3_631_000);
    await refused(good, /exp/);
  });

  test('lasts where it does not say until when', async () => {
    const { clock, verifier, refused } = prepared();
    const jwt = await identity({ exp: undefined });
    clock.advance(100 * 24 * 3_600_000);
    assert.equal((await verifier.verify(jwt)).allocation, ALLOCATION);
    await refused(await identity(), /exp/);
  });

  test('is refused unsigned, or signed with what everybody knows', async () => {
    const { refused } = prepared();
    await refused(new UnsecuredJWT(claims).encode());
    const secret = Buffer.from(await exportSPKI(first.publicKey));
    await refused(
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(secret),
      /alg/,
    );
  });

  test('with a key that the cluster has just made is taken at once', async () => {
    const { clock, cluster, verifier } = prepared();
    await verifier.verify(await identity());
    cluster.published = [first, second];
    clock.advance(1_000);
    assert.equal((await verifier.verify(await identity({}, second))).allocation, ALLOCATION);
    await verifier.verify(await identity());
    assert.equal(cluster.fetches, 2);
  });

  test('with a key that nobody knows makes the cluster be asked once a second at most', async () => {
    const { clock, cluster, refused } = prepared();
    const unknown = await identity({}, second);
    for (let round = 0; round < 20; round++) await refused(unknown, /key/);
    assert.equal(cluster.fetches, 1);
    clock.advance(1_000);
    await Promise.all(Array.from({ length: 20 }, () => refused(unknown, /key/)));
    assert.equal(cluster.fetches, 2);
  });

  test('with a key that the cluster has withdrawn is refused after a while', async () => {
    const { clock, cluster, verifier, refused } = prepared();
    const jwt = await identity();
    await verifier.verify(jwt);
    cluster.published = [second];
    clock.advance(600_000);
    await refused(jwt, /key/);
  });

  test('with a known key is taken while the cluster does not answer', async () => {
    const { clock, cluster, verifier, refused } = prepared();
    const jwt = await identity();
    cluster.down = true;
    // Asked, then not asked again so soon; why it failed is nobody's business who has not shown an identity.
    for (let time = 0; time < 2; time++)
      await refused(jwt, /^the workload identity is not valid: the cluster's keys could not be fetched$/);
    cluster.down = false;
    clock.advance(1_000);
    await verifier.verify(jwt);
    cluster.down = true;
    clock.advance(600_000);
    await verifier.verify(jwt);
    await refused(await identity({}, second));
  });
});

describe('a bearer token', () => {
  test('stands in the header, or there is none', () => {
    assert.equal(bearerOf('Bearer abc'), 'abc');
    for (const header of [undefined, '', 'abc', 'Basic abc'])
      assert.throws(() => bearerOf(header), { code: 'unauthorized' });
  });
});

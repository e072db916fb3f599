import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shareSigningKey } from '../../../../service/cluster/nomad/signing-key.ts';
import { createSigningKey } from '../../../../service/cluster/trust/executor-token.ts';
import { createHandClock } from '../../hand-clock.ts';
import { createFakeNomad } from './fake-nomad.ts';

const PATH = 'paddock/signing-key';
const create = async () => (await createSigningKey()).privateJwk;
const prepared = () => createFakeNomad(createHandClock()).api.variables;

describe('the key that dispatchers share', () => {
  test('is made by the first and taken by the others', async () => {
    const variables = prepared();
    const first = await shareSigningKey(variables, PATH, create);
    const second = await shareSigningKey(variables, PATH, () => assert.fail('there is one'));
    assert.deepEqual(second, first);
  });

  test('is one, however many start at once', async () => {
    const variables = prepared();
    const keys = await Promise.all(Array.from({ length: 8 }, () => shareSigningKey(variables, PATH, create)));
    assert.equal(new Set(keys.map(({ kid }) => kid)).size, 1);
  });

  test('that is none is refused, without being quoted', async () => {
    for (const key of ['secretsecret', '{"kty":"OKP","d":"secretsecret"}', '']) {
      const variables = prepared();
      await variables.put(PATH, { key }, 0);
      await assert.rejects(shareSigningKey(variables, PATH, create), (error: unknown) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /variable paddock\/signing-key holds no signing key.*remove it/);
        assert.doesNotMatch(`${error.stack}${error.cause}`, /secretsec/);
        return true;
      });
    }
  });

  test('cannot be shared where the variable comes and goes, or Nomad refuses', async () => {
    const variables = { ...prepared(), put: async () => false };
    await assert.rejects(shareSigningKey(variables, PATH, create), /comes and goes/);
    const nomad = createFakeNomad(createHandClock());
    nomad.fail('variable', 403);
    await assert.rejects(shareSigningKey(nomad.api.variables, PATH, create), {
      name: 'NomadError',
      status: 403,
    });
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { TokenSigner } from '../../../../service/cluster/trust/executor-token.ts';
import { keepTokens } from '../../../../service/cluster/trust/kept-tokens.ts';
import { createHandClock } from '../../hand-clock.ts';

const prepared = (sign?: (audience: string) => void) => {
  const clock = createHandClock();
  const signed: string[] = [];
  const signer: TokenSigner = {
    async sign(audience) {
      sign?.(audience);
      signed.push(audience);
      return `${audience}@${clock.now() / 1_000}`;
    },
  };
  return { clock, signed, tokens: keepTokens(signer, clock) };
};

describe('kept tokens', () => {
  test('are renewed half way through their life, in the background', async () => {
    const { clock, tokens } = prepared();
    const header = await tokens.for('a');
    assert.equal(header(), 'Bearer a@0');
    clock.advance(149_000);
    await turn();
    assert.equal(header(), 'Bearer a@0');
    clock.advance(1_000);
    await turn();
    assert.equal(header(), 'Bearer a@150');
    clock.advance(150_000);
    await turn();
    assert.equal(header(), 'Bearer a@300');
  });

  test('have one timer for a thousand of them', async () => {
    const { clock, signed, tokens } = prepared();
    const headers: (() => string)[] = [];
    for (let number = 0; number < 1_000; number++) {
      headers.push(await tokens.for(`a${number}`));
      clock.advance(1);
    }
    assert.equal(clock.pending().length, 1);
    clock.advance(150_000 - 1_000);
    await turn();
    assert.equal(signed.length, 2_000);
    assert.ok(headers.every((header, number) => header() === `Bearer a${number}@150`));
    assert.equal(clock.pending().length, 1);
    assert.equal(clock.pending()[0], 150_000);
  });

  test('are renewed when it is their time, not when it is that of others', async () => {
    const { clock, signed, tokens } = prepared();
    await tokens.for('early');
    clock.advance(60_000);
    await tokens.for('late');
    clock.advance(90_000);
    await turn();
    assert.deepEqual(signed, ['early', 'late', 'early']);
    clock.advance(60_000);
    await turn();
    assert.deepEqual(signed, ['early', 'late', 'early', 'late']);
  });

  test('are made once for each audience, and no longer renewed once it is gone', async () => {
    const { clock, signed, tokens } = prepared();
    const [one, two] = await Promise.all([tokens.for('a'), tokens.for('a')]);
    assert.equal(one, two);
    assert.deepEqual(signed, ['a']);
    tokens.forget('a');
    clock.advance(1_000_000);
    await turn();
    assert.deepEqual(signed, ['a']);
    assert.deepEqual(clock.pending(), []);
    const again = await tokens.for('a');
    assert.equal(again(), 'Bearer a@1000');
  });

  test('that were forgotten while they were made are not kept', async () => {
    const { clock, tokens } = prepared();
    const header = tokens.for('a');
    tokens.forget('a');
    assert.equal((await header)(), 'Bearer a@0');
    assert.deepEqual(clock.pending(), []);
  });

  test('are tried again where they cannot be signed', async () => {
    let broken = false;
    const { clock, signed, tokens } = prepared(() => {
      if (broken) throw new Error('no key');
    });
    const header = await tokens.for('a');
    broken = true;
    await assert.rejects(tokens.for('b'), /no key/);
    clock.advance(150_000);
    await turn();
    assert.equal(header(), 'Bearer a@0');
    assert.deepEqual(clock.pending(), [1_000]);
    broken = false;
    clock.advance(1_000);
    await turn();
    assert.equal(header(), 'Bearer a@151');
    assert.equal((await tokens.for('b'))(), 'Bearer b@151');
    assert.deepEqual(signed, ['a', 'a', 'b']);
  });

  test('leave no timer behind', async () => {
    const { clock, tokens } = prepared();
    await tokens.for('a');
    tokens.close();
    assert.deepEqual(clock.pending(), []);
    const header = await tokens.for('b');
    assert.equal(header(), 'Bearer b@0');
    assert.deepEqual(clock.pending(), []);
  });
});

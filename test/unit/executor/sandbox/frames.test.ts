import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createFrameReader, frame } from '../../../../service/executor/sandbox/frames.ts';

type Heard = [kind: string, id: number, payload: Buffer];

const heardOf = (chunks: readonly Buffer[]): Heard[] => {
  const heard: Heard[] = [];
  const read = createFrameReader((...one) => heard.push(one));
  for (const chunk of chunks) read(chunk);
  return heard;
};

describe('frames between the executor and its launcher', () => {
  test('are length, kind, number, payload', () => {
    assert.deepEqual(
      [...frame('K', 0x01020304, Buffer.from('ab'))],
      [2, 0, 0, 0, 0x4b, 4, 3, 2, 1, 0x61, 0x62],
    );
  });

  test('come whole however they are cut, one a chunk or many', () => {
    const one = fc.tuple(
      fc.constantFrom('P', 'X', 'O', 'E', 'o', 'e', 'D'),
      fc.nat(2 ** 32 - 1),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(one), fc.array(fc.nat(400)), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((each) => frame(...each)));
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.deepEqual(heardOf(chunks), sent);
        assert.deepEqual(heardOf([bytes]), sent);
        const single = [...bytes].map((byte) => Buffer.from([byte]));
        assert.deepEqual(heardOf(single), sent);
      }),
    );
  });

  test('are not heard before they are complete', () => {
    const bytes = frame('O', 1, Buffer.from('output'));
    assert.deepEqual(heardOf([bytes.subarray(0, -1)]), []);
  });
});

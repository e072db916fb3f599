import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Encoding } from '../../../service/contracts/index.ts';
import { createCapture, createPieces, toWire, truncatedToWire } from '../../../service/executor/output.ts';

interface Wire {
  readonly content: string;
  readonly encoding: Encoding;
}
const bytesOf = ({ content, encoding }: Wire): Buffer => Buffer.from(content, encoding);

const piecesOf = (chunks: readonly Buffer[]): Wire[] => {
  const sent: Wire[] = [];
  const pieces = createPieces((piece) => sent.push(piece));
  for (const chunk of chunks) pieces.add(chunk);
  pieces.end();
  return sent;
};

/** Cuts at the given places, which may be anywhere. */
const cutAt = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const sorted = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return sorted.map((end, index) => bytes.subarray(sorted[index - 1] ?? 0, end));
};

const anyBytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const anyText = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => Buffer.from(text, 'utf8'));
/** Text with damage here and there, which random bytes alone hardly ever are. */
const mixed = fc
  .array(
    fc.oneof(
      anyText,
      fc.uint8Array({ maxLength: 4 }).map((array) => Buffer.from(array)),
    ),
  )
  .map((parts) => Buffer.concat(parts));
const anyPlaces = fc.array(fc.nat(1_000), { maxLength: 20 });

describe('bytes on the wire', () => {
  test('UTF-8 is text, a byte order mark and NUL included; anything else is base64', () => {
    assert.deepEqual(toWire(Buffer.from('zwei Eier: €1,80')), {
      content: 'zwei Eier: €1,80',
      encoding: 'utf8',
    });
    assert.deepEqual(bytesOf(toWire(Buffer.from('\ufeff\0x'))), Buffer.from('\ufeff\0x'));
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      assert.deepEqual(toWire(Buffer.from(bad)), {
        content: Buffer.from(bad).toString('base64'),
        encoding: 'base64',
      });
    }
  });

  test('any bytes come back as they were', () => {
    fc.assert(fc.property(mixed, (bytes) => assert.deepEqual(bytesOf(toWire(bytes)), bytes)));
  });

  test('a cut through a character loses that character and nothing else', () => {
    fc.assert(
      fc.property(anyText, fc.nat(300), (bytes, place) => {
        const cut = bytes.subarray(0, place);
        const wire = truncatedToWire(cut);
        assert.equal(wire.encoding, 'utf8');
        const back = bytesOf(wire);
        assert.deepEqual(cut.subarray(0, back.length), back);
        assert.ok(cut.length - back.length <= 3);
        assert.ok(back.length === cut.length || !isUtf8(cut));
      }),
    );
  });

  test('output that was no text before the cut stays whole', () => {
    const bytes = Buffer.from([0xff, 0x41, 0xe2, 0x82]);
    assert.deepEqual(bytesOf(truncatedToWire(bytes)), bytes);
    assert.deepEqual(truncatedToWire(Buffer.alloc(0)), { content: '', encoding: 'utf8' });
  });
});

describe('the capture of a stream', () => {
  test('keeps exactly its limit, hands on what it keeps, and says when there was more', () => {
    fc.assert(
      fc.property(anyBytes, anyPlaces, fc.nat(200), (bytes, places, limit) => {
        const capture = createCapture(limit);
        const handed = cutAt(bytes, places).map((chunk) => capture.add(chunk));
        assert.deepEqual(capture.bytes(), bytes.subarray(0, limit));
        assert.deepEqual(Buffer.concat(handed), capture.bytes());
        assert.equal(capture.over, bytes.length > limit);
      }),
    );
  });
});

describe('pieces of a stream', () => {
  test('together are the input, whatever it is and however it is cut', () => {
    fc.assert(
      fc.property(mixed, anyPlaces, (bytes, places) => {
        const sent = piecesOf(cutAt(bytes, places));
        assert.deepEqual(Buffer.concat(sent.map(bytesOf)), bytes);
        assert.ok(sent.every(({ content }) => content !== ''));
      }),
    );
  });

  test('of text are text: no character is ever split', () => {
    fc.assert(
      fc.property(anyText, anyPlaces, (bytes, places) => {
        const sent = piecesOf(cutAt(bytes, places));
        assert.ok(sent.every(({ encoding }) => encoding === 'utf8'));
        assert.equal(sent.map(({ content }) => content).join(''), bytes.toString('utf8'));
      }),
    );
  });

  test('hold back a character byte by byte, and give up what never became one', () => {
    const cat = Buffer.from('🐈');
    assert.deepEqual(piecesOf([...cat].map((byte) => Buffer.from([byte]))), [
      { content: '🐈', encoding: 'utf8' },
    ]);
    assert.deepEqual(piecesOf([Buffer.from('x'), cat.subarray(0, 3)]), [
      { content: 'x', encoding: 'utf8' },
      { content: cat.subarray(0, 3).toString('base64'), encoding: 'base64' },
    ]);
  });

  test('are text again after one that was not', () => {
    assert.deepEqual(
      piecesOf([Buffer.from('a'), Buffer.from([0xff]), Buffer.from('b')]).map(({ encoding }) => encoding),
      ['utf8', 'base64', 'utf8'],
    );
  });
});

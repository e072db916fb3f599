import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  createLineReader,
  encodeGo,
  type GoMessage,
  type InitMessage,
  parseInitLine,
} from '../../../../service/executor/sandbox/control.ts';
import type { PlacedFile } from '../../../../service/executor/sandbox/port.ts';

describe('what the first process inside says', () => {
  test('has three forms', () => {
    assert.deepEqual(parseInitLine('ready'), { kind: 'ready' });
    assert.deepEqual(parseInitLine('error warm 10'), { kind: 'error', step: 'warm', errno: 10 });
    assert.deepEqual(parseInitLine('exit 139 0 2500 1000 500 2048'), {
      kind: 'exit',
      exitCode: 139,
      signal: null,
      wallMs: 2.5,
      cpuMs: 1.5,
      memoryPeakBytes: 2_097_152,
    });
    assert.deepEqual(parseInitLine('exit -1 11 0 0 0 0'), {
      kind: 'exit',
      exitCode: null,
      signal: 11,
      wallMs: 0,
      cpuMs: 0,
      memoryPeakBytes: 0,
    });
  });

  test('is not believed in any other form', () => {
    for (const line of [
      '',
      'Ready',
      'ready ',
      ' ready',
      'ready\r',
      'ready\nready',
      'exit',
      'exit 0 0 1 1 1',
      'exit 0 0 1 1 1 1 1',
      'exit 0 0 1 1 1 1 ',
      'exit -2 0 1 1 1 1',
      'exit +1 0 1 1 1 1',
      'exit 0x1 0 1 1 1 1',
      'exit 1e2 0 1 1 1 1',
      'exit 0 -9 1 1 1 1',
      'exit 0 0 1.5 1 1 1',
      'exit 0 0 9999999999999999 1 1 1',
      'exit ٣ 0 1 1 1 1',
      'error WARM 1',
      'error warm -1',
      'error warm',
      'error averyveryverylongstep 1',
    ]) {
      assert.equal(parseInitLine(line), undefined, JSON.stringify(line));
    }
  });

  test('whatever the line, parsing never throws and gives only sane numbers', () => {
    const word = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.constantFrom('exit', 'ready', 'error', '-1'),
    );
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(word, { maxLength: 8 }).map((w) => w.join(' ')),
    );
    fc.assert(
      fc.property(line, (text) => {
        const message = parseInitLine(text);
        if (message?.kind !== 'exit') return;
        for (const value of [message.wallMs, message.cpuMs, message.memoryPeakBytes]) {
          assert.ok(Number.isFinite(value) && value >= 0);
        }
      }),
    );
  });
});

describe('reading lines from the control socket', () => {
  /** What is heard of these pieces, in order. */
  const heardOf = (pieces: readonly string[]): string[] => {
    const heard: string[] = [];
    const read = createLineReader(
      (message) => heard.push(JSON.stringify(message)),
      (line) => heard.push(`other ${line}`),
    );
    for (const piece of pieces) read(piece);
    return heard;
  };

  test('they come whole however they are cut, and what is no message is passed on as it is', () => {
    const line = fc.oneof(
      fc.constantFrom('ready', 'exit 0 0 1 1 1 1', 'error files 28', ''),
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\n')),
    );
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(200)), (lines, cuts) => {
        const text = lines.map((each) => `${each}\n`).join('');
        const at = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
        const expected = lines.map((each) => {
          const message = parseInitLine(each);
          return message ? JSON.stringify(message) : `other ${each}`;
        });
        assert.deepEqual(heardOf(pieces), expected);
      }),
    );
  });

  test('one without an end is not heard, and needs nobody to hear what is no message', () => {
    assert.deepEqual(heardOf(['ready\nexit 0 0 1 1 1 1']), ['{"kind":"ready"}']);
    const messages: InitMessage[] = [];
    createLineReader((message) => messages.push(message))('nonsense\nready\n');
    assert.deepEqual(messages, [{ kind: 'ready' }]);
  });

  test('one that is too long is dropped, with all that follows: it cannot fill our memory', () => {
    assert.deepEqual(heardOf(['x'.repeat(4_096), '\nready\n']).slice(1), ['{"kind":"ready"}']);
    assert.deepEqual(heardOf(['ready\n', 'x'.repeat(2_000), 'x'.repeat(2_097), '\nready\n', 'ready\n']), [
      '{"kind":"ready"}',
    ]);
  });
});

describe('the go message', () => {
  const limits = { openFiles: 256, fileBytes: 1, cpuSeconds: 2, processes: 3, dataBytes: 4 };
  const message = (bytes: Buffer): string[] => {
    assert.equal(bytes.readUInt32LE(0), bytes.length - 4);
    assert.equal(bytes.at(-1), 0);
    return bytes.subarray(4, -1).toString('utf8').split('\0');
  };
  /** Of one without files. */
  const decode = (bytes: Buffer): string[] => {
    assert.equal(bytes.readUInt32LE(0), 0);
    return message(bytes.subarray(4));
  };
  /** As native/inside.c reads it: its files, then the message. */
  const decodeAll = (bytes: Buffer): { files: PlacedFile[]; fields: string[] } => {
    const files: PlacedFile[] = [];
    let at = 4;
    for (let left = bytes.readUInt32LE(0); left > 0; left--) {
      const nameEnd = at + 16 + bytes.readUInt32LE(at);
      const end = nameEnd + Number(bytes.readBigUInt64LE(at + 8));
      const executable = bytes.readUInt32LE(at + 4) === 1;
      assert.equal(bytes[nameEnd - 1], 0);
      const name = bytes.subarray(at + 16, nameEnd - 1).toString('utf8');
      files.push({ name, executable, content: bytes.subarray(nameEnd, end) });
      at = end;
    }
    return { files, fields: message(bytes.subarray(at)) };
  };

  test('of a program names the count of its arguments, then the environment', () => {
    const go: GoMessage = { mode: 'exec', command: ['/bin/echo', 'ä', ''], env: { A: '1', B: 'x=y' } };
    assert.deepEqual(decode(encodeGo(go, '/work', limits)), [
      'exec',
      ...['256', '1', '2', '3', '4'],
      '/work',
      ...['3', '/bin/echo', 'ä', ''],
      ...['A=1', 'B=x=y'],
    ]);
  });

  test('to a warm program names the entry first', () => {
    const go: GoMessage = { mode: 'warm', entry: 'main.py', args: ['-x'], env: {} };
    assert.deepEqual(decode(encodeGo(go, '/work', limits)).slice(7), ['main.py', '1', '-x']);
  });

  test('is what was put in, for any strings without a NUL, and refused for any with one', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(fc.array(text), text, (args, value) => {
        const go: GoMessage = { mode: 'warm', entry: 'e', args, env: { V: value } };
        if ([...args, value].some((part) => part.includes('\0'))) {
          assert.throws(() => encodeGo(go, '/', limits), /NUL/);
        } else {
          assert.deepEqual(decode(encodeGo(go, '/', limits)).slice(8), [
            String(args.length),
            ...args,
            `V=${value}`,
          ]);
        }
      }),
    );
    const withNul: GoMessage[] = [
      { mode: 'exec', command: ['a\0b'], env: {} },
      { mode: 'exec', command: ['a'], env: { X: 'a\0b' } },
      { mode: 'warm', entry: 'a\0b', args: [], env: {} },
    ];
    for (const go of withNul) assert.throws(() => encodeGo(go, '/', limits), /NUL/);
  });

  const go: GoMessage = { mode: 'exec', command: ['x'], env: {} };

  test('begins with the files, to the byte', () => {
    const files = [
      { name: 'a/ä', content: Buffer.from([0, 255]), executable: true },
      { name: 'b', content: Buffer.alloc(0) },
    ];
    const bytes = encodeGo(go, '/work', limits, files);
    const expected = [
      ...[2, 0, 0, 0],
      ...[5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x2f, 0xc3, 0xa4, 0, 0, 255],
      ...[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x62, 0],
    ];
    assert.deepEqual([...bytes.subarray(0, expected.length)], expected);
    assert.deepEqual(message(bytes.subarray(expected.length)).slice(-2), ['1', 'x']);
  });

  test('holds any files as they are, and refuses a name with a NUL', () => {
    const anyFile = fc.record(
      {
        name: fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('\0')),
        content: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        executable: fc.boolean(),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(anyFile), (files) => {
        const decoded = decodeAll(encodeGo(go, '/work', limits, files));
        assert.deepEqual(decoded.files, files);
        assert.deepEqual(decoded.fields.slice(-3), ['/work', '1', 'x']);
      }),
    );
    const withNul = [{ name: 'a\0b', content: Buffer.alloc(0) }];
    assert.throws(() => encodeGo(go, '/work', limits, withNul), /NUL/);
  });
});

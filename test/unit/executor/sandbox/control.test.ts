import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  encodeGo,
  type GoMessage,
  type InitMessage,
  listenToInit,
  parseInitLine,
} from '../../../../service/executor/sandbox/control.ts';

describe('what paddock-init says', () => {
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

describe('listening to paddock-init', () => {
  const withPair = async (use: (near: Socket, far: Socket) => Promise<void>): Promise<void> => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const far = connect(address.port, '127.0.0.1');
    const [near] = (await once(server, 'connection')) as [Socket];
    try {
      await use(near, far);
    } finally {
      near.destroy();
      far.destroy();
      server.close();
    }
  };

  test('lines come whole however they arrive, and nonsense between them is passed over', () =>
    withPair(async (near, far) => {
      const heard: InitMessage[] = [];
      listenToInit(near, (message) => heard.push(message));
      far.setNoDelay(true);
      for (const text of ['rea', 'dy\nnonsense\nex', 'it 0 0 1 1 1 ', '1\nready']) {
        far.write(text);
        await new Promise((resolve) => near.once('data', resolve));
      }
      far.end();
      await once(near, 'end');
      assert.deepEqual(
        heard.map(({ kind }) => kind),
        ['ready', 'exit'],
      );
    }));

  test('a line without an end is cut off', () =>
    withPair(async (near, far) => {
      far.on('error', () => {});
      const heard: InitMessage[] = [];
      listenToInit(near, (message) => heard.push(message));
      const closed = once(near, 'close');
      far.write('x'.repeat(10_000));
      await closed;
      assert.deepEqual(heard, []);
    }));
});

describe('the go message', () => {
  const limits = { openFiles: 256, fileBytes: 1, cpuSeconds: 2, processes: 3, dataBytes: 4 };
  const decode = (message: Buffer): string[] => {
    assert.equal(message.readUInt32LE(0), message.length - 4);
    assert.equal(message.at(-1), 0);
    return message.subarray(4, -1).toString('utf8').split('\0');
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
});

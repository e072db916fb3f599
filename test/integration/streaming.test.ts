import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type ExecutionResult,
  executionResultSchema,
  type OutputEvent,
  outputEventSchema,
} from '../../service/contracts/execution.ts';
import { execute, stream } from '../harness/client.ts';
import { descendantsOf, isWaiting, sandboxesAmong } from '../harness/processes.ts';
import { useService } from '../harness/use-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const paddock = useService();

interface Streamed {
  readonly outputs: readonly (OutputEvent & { readonly at: number })[];
  readonly result: ExecutionResult;
  readonly text: (name: 'stdout' | 'stderr') => string;
}

const collect = async (request: Parameters<typeof stream>[1]): Promise<Streamed> => {
  const outputs: (OutputEvent & { at: number })[] = [];
  let result: ExecutionResult | undefined;
  for await (const { event, data } of stream(paddock.url, request)) {
    assert.equal(result, undefined, 'nothing comes after the result');
    if (event === 'output') outputs.push({ ...outputEventSchema.parse(data), at: performance.now() });
    else if (event === 'result') result = executionResultSchema.parse(data);
    else assert.fail(`event ${event}: ${JSON.stringify(data)}`);
  }
  assert.ok(result, 'the last event is the result');
  const text = (name: 'stdout' | 'stderr'): string =>
    Buffer.concat(
      outputs
        .filter(({ stream: from }) => from === name)
        .map(({ content, encoding }) => Buffer.from(content, encoding)),
    ).toString('utf8');
  return { outputs, result, text };
};

describe('streaming', () => {
  test('output comes while the program runs, in order, and then the result holds all of it', async () => {
    const { outputs, result, text } = await collect({
      runtime: 'python',
      code: "import sys, time\nfor n in range(5):\n    print(n, flush=True)\n    time.sleep(0.15)\nprint('end', file=sys.stderr)\n",
    });
    assert.equal(text('stdout'), '0\n1\n2\n3\n4\n');
    assert.equal(text('stderr'), 'end\n');
    assert.equal(result.run?.stdout, '0\n1\n2\n3\n4\n');
    const first = outputs[0]?.at ?? 0;
    const last = outputs.at(-1)?.at ?? 0;
    assert.ok(last - first > 300, `all came within ${last - first} ms`);
    assert.ok(outputs.every(({ stage }) => stage === 'run'));
  });

  test('a character whose bytes come apart is never split between events', async () => {
    const text = 'aé€😀'.repeat(20);
    const {
      outputs,
      result,
      text: streamed,
    } = await collect({
      runtime: 'python',
      code: `import os, time\nfor byte in ${JSON.stringify(text)}.encode():\n    os.write(1, bytes([byte]))\n    time.sleep(0.001)\n`,
    });
    assert.equal(streamed('stdout'), text);
    assert.equal(result.run?.stdout, text);
    for (const { content, encoding } of outputs) {
      assert.equal(encoding, 'utf8');
      assert.ok(!content.includes('\ufffd'), JSON.stringify(content));
    }
  });

  test('bytes that are no text come as base64 and whole', async () => {
    const { outputs, result } = await collect({
      runtime: 'python',
      code: 'import os\nos.write(1, bytes(range(256)))\n',
    });
    const all = Buffer.concat(outputs.map(({ content, encoding }) => Buffer.from(content, encoding)));
    assert.deepEqual(all, Buffer.from(Array.from({ length: 256 }, (_, n) => n)));
    assert.equal(result.run?.stdoutEncoding, 'base64');
  });

  test('newlines and things that look like events in the output are only output', async () => {
    const text = 'a\n\nevent: result\ndata: {"id":"fake"}\n\n\r\n\r\nid: 1\n:\n\u2028\u2029';
    const { text: streamed } = await collect({
      runtime: 'python',
      code: `import sys\nsys.stdout.reconfigure(newline='')\nsys.stdout.write(${JSON.stringify(text)})\n`,
    });
    assert.equal(streamed('stdout'), text);
  });

  test('compile errors come as output of the compile stage', async () => {
    const { outputs, result } = await collect({ runtime: 'c', code: 'int main(void) { return nothing; }\n' });
    assert.ok(outputs.length > 0 && outputs.every(({ stage }) => stage === 'compile'));
    assert.equal(result.compile?.outcome, 'nonzero-exit');
    assert.equal(result.run, undefined);
  });

  test('each piece of output says of which test it is', async () => {
    const { outputs, result } = await collect({
      runtime: 'python',
      code: 'print(input())',
      tests: [
        { name: 'one', stdin: '1', expectedStdout: '1' },
        { name: 'two', stdin: '2', expectedStdout: '3' },
      ],
    });
    assert.deepEqual(
      outputs.map(({ test: of, content }) => [of, content]),
      [
        ['one', '1\n'],
        ['two', '2\n'],
      ],
    );
    assert.deepEqual(
      result.tests?.map(({ passed }) => passed),
      [true, false],
    );
  });

  test('a flood is cut at the limit, in the stream as in the result', async () => {
    const { result, text } = await collect({
      runtime: 'python',
      code: "import os\nwhile True: os.write(1, b'x' * 4096)\n",
      limits: { outputBytes: 50_000 },
    });
    assert.equal(result.run?.outcome, 'output-limit');
    assert.ok(text('stdout').length <= 50_000, `${text('stdout').length} bytes were streamed`);
    assert.equal(result.run?.stdout, text('stdout'));
  });

  test('a refusal before the start is an HTTP error, not an event', async () => {
    await assert.rejects(collect({ runtime: 'nothing', code: '' }), /status 404/);
  });

  test('a reader that goes away ends the program', async () => {
    const gone = new AbortController();
    await assert.rejects(
      async () => {
        for await (const { event } of stream(
          paddock.url,
          { runtime: 'python', code: "import time\nprint('begun', flush=True)\ntime.sleep(8)\n" },
          gone.signal,
        )) {
          if (event === 'output') gone.abort();
        }
      },
      { name: 'AbortError' },
    );
    await waitFor(() => [...sandboxesAmong(descendantsOf(paddock.service.pid)).values()].every(isWaiting), {
      what: 'the program to end',
      timeoutMs: 3_000,
    });
  });

  test('a reader that does not read holds nothing up', async () => {
    const response = await fetch(`${paddock.url}/v1/executions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({
        runtime: 'python',
        code: "import os\nfor _ in range(240): os.write(1, b'x' * 65536)\n",
        limits: { outputBytes: 16_777_216 },
      }),
    });
    const other = await execute(paddock.url, { runtime: 'python', code: 'print(5)' });
    assert.ok(other.ok && other.result.run?.stdout === '5\n' && other.ms < 3_000);
    await response.body?.cancel();
  });
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  type ExecutionRequestInput,
  type ExecutionResult,
  executionResultSchema,
} from '../../service/contracts/execution.ts';
import { executorsOf, post, run, settled, stream } from '../harness/client.ts';
import { repository, startService } from '../harness/start-service.ts';
import { useService } from '../harness/use-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const paddock = useService({ env: { PADDOCK_COMPILE_CACHE_MB: '1' } });

const MEBIBYTE = 1024 * 1024;
const c = (code: string, more: Partial<ExecutionRequestInput> = {}) =>
  run(paddock.url, { runtime: 'c', code, ...more });
const wasCached = ({ compile, run: ran }: ExecutionResult): boolean => {
  assert.deepEqual([compile?.outcome, ran?.outcome], ['ok', 'ok'], compile?.stderr);
  return compile?.cached === true;
};
const hello = (salt: string): string => `#include <stdio.h>
int main(int argc, char **argv) { int unused; char line[9] = "";
  fgets(line, 9, stdin); printf("${salt} %s %s", argc > 1 ? argv[1] : "-", line); }
`;
/** As it is now: what the dispatcher knows of an executor may be half a second old. */
const status = async () => {
  const asked = performance.now();
  const executor = await waitFor(
    async () => {
      const [only] = await executorsOf(paddock.url);
      return only && only.lastSeenMs + 100 < performance.now() - asked ? only : undefined;
    },
    { what: 'a status that is new' },
  );
  return executor.compileCache ?? assert.fail('no status of the cache');
};

describe('a program that was compiled before', () => {
  test('is not compiled again, and runs as one that was', async () => {
    const env = { GCC_COLORS: '', CPATH: '/nowhere' };
    const first = await c(hello('one'), { args: ['a'], stdin: '1\n', env });
    const second = await c(hello('one'), { args: ['b'], stdin: '2\n', env });
    assert.deepEqual([wasCached(first), wasCached(second)], [false, true]);
    assert.deepEqual([first.run?.stdout, second.run?.stdout], ['one a 1\n', 'one b 2\n']);
    assert.deepEqual(second.compile, { ...first.compile, cached: true });
    assert.ok(second.timings.compileMs < first.timings.compileMs / 2, `${second.timings.compileMs} ms`);
  });

  test('with tests is compiled for none of them', async () => {
    const tests = [1, 2].map((n) => ({ name: `${n}`, stdin: `${n}`, expectedStdout: `tests - ${n}` }));
    await c(hello('tests'));
    const { compile, tests: results } = await c(hello('tests'), { tests });
    assert.equal(compile?.cached, true);
    assert.deepEqual(
      results?.map(({ passed }) => passed),
      [true, true],
    );
  });

  test('tells a caller who listens what the compiler said', async () => {
    const request = { runtime: 'c', code: `#warning listen\n${hello('stream')}` };
    const said = async (): Promise<string[]> => {
      const lines: string[] = [];
      for await (const { data } of stream(paddock.url, request)) {
        const { stage, content } = data as { stage?: string; content?: string };
        if (stage === 'compile') lines.push(content ?? '');
      }
      return lines;
    };
    const first = (await said()).join('');
    assert.match(first, /warning: #warning listen/);
    assert.deepEqual(await said(), [first]);
  });

  test('cannot change what the next one gets', async () => {
    const code = `#include <stdio.h>
#include <unistd.h>
int main(void) {
  FILE *own = fopen("main.c", "r+"), *left = fopen("left", "r");
  char first = fgetc(own);
  rewind(own);
  fputc('!', own);
  printf("%c%s", first, left ? " left" : "");
  fclose(own);
  fclose(fopen("left", "w"));
  unlink("paddock.out");
  fclose(fopen("paddock.out", "w"));
}
`;
    const results = [await c(code), await c(code), await c(code)];
    assert.deepEqual(results.map(wasCached), [false, true, true]);
    assert.deepEqual(
      results.map((result) => result.run?.stdout),
      ['#', '#', '#'],
    );
  });

  test('is compiled again where anything differs, or where the caller says so', async () => {
    await c(hello('differs'));
    const changed: Partial<ExecutionRequestInput>[] = [
      { code: `${hello('differs')} ` },
      { env: { GCC_COLORS: 'always' } },
      { limits: { compileMs: 19_999 } },
      { limits: { scratchMb: 63 } },
      { cache: false },
    ];
    for (const more of changed) {
      assert.equal(wasCached(await c(hello('differs'), more)), false, JSON.stringify(more));
    }
    assert.equal(wasCached(await c(hello('differs'), { limits: { wallMs: 5_000, memoryMb: 64 } })), true);
  });

  test('and failed is compiled again, since only successes are kept', async () => {
    const before = (await status()).entries;
    for (let n = 0; n < 2; n++) {
      const { compile } = await c('int main(void) { return missing; }');
      assert.deepEqual([compile?.outcome, compile?.cached], ['nonzero-exit', undefined]);
    }
    assert.equal((await status()).entries, before);
  });

  test('is compiled once where many send it at the same time', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => c(hello('together'))));
    assert.equal(results.filter((result) => !wasCached(result)).length, 1);
  });
});

describe('what is kept', () => {
  const sized = (salt: number, bytes: number): string =>
    `char data[${bytes}] = {${salt}};\nint main(void) { return data[0] != ${salt}; }\n`;

  test('never exceeds its budget, and the longest unused goes', async () => {
    for (let n = 1; n <= 14; n++) await c(sized(n, 90_000));
    const { bytes, budgetBytes, entries } = await status();
    assert.equal(budgetBytes, MEBIBYTE);
    assert.ok(bytes <= MEBIBYTE && bytes > MEBIBYTE / 2, `${bytes} bytes`);
    assert.ok(entries <= 11, `${entries} entries`);
    assert.equal(wasCached(await c(sized(14, 90_000))), true);
    assert.equal(wasCached(await c(sized(1, 90_000))), false);
  });

  test('is not pushed out by a program that compiles into something huge', async () => {
    await c(hello('stays'));
    const { entries } = await status();
    for (let n = 0; n < 2; n++) assert.equal(wasCached(await c(sized(1, 20 * MEBIBYTE))), false);
    const { compile } = await c(sized(1, 100 * MEBIBYTE));
    assert.notEqual(compile?.outcome, 'ok', 'there is no room for it');
    assert.equal((await status()).entries, entries);
    assert.equal(wasCached(await c(hello('stays'))), true);
  });

  test('is nothing where it is switched off', async () => {
    const service = await startService({ env: { PADDOCK_COMPILE_CACHE_MB: '0' } });
    try {
      await settled(service.url);
      for (let n = 0; n < 2; n++) {
        assert.equal(wasCached(await run(service.url, { runtime: 'c', code: hello('off') })), false);
      }
      assert.equal((await executorsOf(service.url))[0]?.compileCache, undefined);
    } finally {
      await service.stop();
    }
  });
});

// The last: from the first token on, the service answers nobody without one.
describe('tenants', () => {
  test('see nothing of what others had compiled, not even that they had', async () => {
    const tokensFile = join(paddock.service.stateDir, 'tokens.json');
    const tokenOf = async (tenant: string): Promise<string> => {
      const paddockCommand = join(repository, 'scripts/paddock');
      const args = ['token', 'create', tenant, '--tokens-file', tokensFile];
      return (await promisify(execFile)(paddockCommand, args)).stdout.trim();
    };
    const as = (token: string) => async (code: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return post(paddock.url, '/v1/executions', JSON.stringify({ runtime: 'c', code }), { headers });
    };
    const cached = async (answer: ReturnType<ReturnType<typeof as>>) =>
      wasCached(executionResultSchema.parse(JSON.parse((await answer).text)));

    assert.equal(wasCached(await c(hello('secret'))), false);
    const [one, other] = [as(await tokenOf('one')), as(await tokenOf('other'))];
    for (const ask of [one, other]) {
      await waitFor(async () => (await ask(hello('known'))).status === 200, {
        what: 'the token to be known',
      });
    }
    for (const ask of [one, other]) {
      assert.equal(await cached(ask(hello('secret'))), false);
      assert.equal(await cached(ask(hello('secret'))), true);
    }
  });
});

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { ExecutionRequestInput } from '../../service/contracts/execution.ts';
import { run, runtimesOf } from '../harness/client.ts';
import { useService } from '../harness/use-service.ts';

const paddock = useService();

/** Why a database cannot be tried here; undefined where it can. */
const missing = async (name: string): Promise<string | undefined> => {
  const runtime = (await runtimesOf(paddock.url)).find((one) => one.name === name);
  return runtime?.available ? undefined : `no ${name} here: ${runtime?.reason ?? 'unknown'}`;
};

for (const name of ['postgresql', 'mariadb'] as const) {
  describe(name, () => {
    let reason: string | undefined;
    before(async () => {
      reason = await missing(name);
    });
    const sql = (code: string, more: Partial<ExecutionRequestInput> = {}) =>
      run(paddock.url, { runtime: name, code, ...more });
    const database = (title: string, body: () => Promise<void>): void => {
      test(title, async (context) => (reason === undefined ? body() : context.skip(reason)));
    };
    const rowsOf = async (code: string) => {
      const { run: stage } = await sql(code);
      assert.equal(stage?.outcome, 'ok', stage?.stderr);
      return stage?.resultSets?.map(({ rows }) => rows);
    };

    database('gives rows back as text and as data', async () => {
      const { run: stage } = await sql(
        "CREATE TABLE t (a int, b varchar(9));\nINSERT INTO t VALUES (1, 'ä'), (NULL, NULL);\nSELECT * FROM t;\n",
      );
      assert.equal(stage?.outcome, 'ok', stage?.stderr);
      assert.match(stage?.stdout ?? '', / a +\| b/);
      assert.equal(stage?.resultSetsOmitted, undefined);
      const [set, ...others] = stage?.resultSets ?? [];
      assert.equal(others.length, 0);
      assert.partialDeepStrictEqual(set, {
        statement: 3,
        file: 'main.sql',
        line: 3,
        command: 'SELECT 2',
        rows: [
          [1, 'ä'],
          [null, null],
        ],
        rowCount: 2,
      });
      assert.deepEqual(
        set?.columns.map((column) => column.name),
        ['a', 'b'],
      );
    });

    database('keeps numbers exact and says where an error is', async () => {
      assert.deepEqual(await rowsOf('SELECT 9007199254740991, 9007199254740993, 1.10;'), [
        [[9007199254740991, '9007199254740993', '1.10']],
      ]);
      const { run: stage } = await sql('SELECT 1;\n\nSELECT\n nothing;\nSELECT 2;\n');
      assert.equal(stage?.outcome, 'nonzero-exit');
      assert.equal(stage?.exitCode, 1);
      assert.match(stage?.stderr ?? '', /^main\.sql:[34]: ERROR/);
      assert.equal(stage?.resultSets?.length, 1, 'what came before is kept');
    });

    database('has a database of its own for each execution and each test', async () => {
      const create = 'CREATE TABLE mine (n int); INSERT INTO mine VALUES (1); SELECT count(*) FROM mine;';
      const several = await Promise.all(Array.from({ length: 6 }, () => rowsOf(create)));
      for (const rows of several) assert.deepEqual(rows, [[[1]]]);
      const include = name === 'postgresql' ? '\\i /dev/stdin' : 'source /dev/stdin';
      const result = await run(paddock.url, {
        runtime: name,
        code: `CREATE TABLE mine (n int); INSERT INTO mine VALUES (1), (2);\n${include}\n`,
        tests: [
          { name: 'deletes', stdin: 'DELETE FROM mine; SELECT count(*) AS n FROM mine;' },
          { name: 'counts', stdin: 'SELECT count(*) AS n FROM mine;' },
        ],
      });
      const counted = result.tests?.map((one) => one.resultSets?.map(({ rows }) => rows));
      assert.deepEqual(counted, [[[[0]]], [[[2]]]]);
    });

    database('ends a statement that takes too long, and keeps what came before', async () => {
      const wait = name === 'postgresql' ? 'SELECT pg_sleep(60);' : 'SELECT sleep(60);';
      const { run: stage } = await sql(`SELECT 1 AS one;\n${wait}\n`, { limits: { wallMs: 700 } });
      assert.equal(stage?.outcome, 'time-limit');
      assert.deepEqual(
        stage?.resultSets?.map(({ rows }) => rows),
        [[[1]]],
      );
    });

    database('says that the server has ended', async () => {
      const end =
        name === 'postgresql'
          ? "COPY (SELECT 1) TO PROGRAM 'kill -9 $(head -n 1 /tmp/.paddock/data/postmaster.pid)';\nSELECT pg_sleep(5);\n"
          : 'SHUTDOWN;\nSELECT sleep(5);\n';
      const { run: stage } = await sql(`SELECT 1 AS one;\n${end}`, { limits: { wallMs: 9_000 } });
      assert.equal(stage?.outcome, 'nonzero-exit', JSON.stringify(stage));
      assert.match(stage?.stderr ?? '', /the database server has ended/);
    });

    database('is there at once', async () => {
      const times: number[] = [];
      for (let round = 0; round < 10; round++) {
        const { run: stage } = await sql('SELECT 1;');
        times.push(stage?.wallMs ?? Number.POSITIVE_INFINITY);
      }
      // Starting the server takes longer than this by far: the fastest was one that waited.
      assert.ok(Math.min(...times) < 60, times.join(' '));
    });
  });
}

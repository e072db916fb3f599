import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchReport } from '../../../service/cli/bench/print-report.ts';
import {
  type Answer,
  paddock,
  type Route,
  result,
  runtime,
  stage,
  startFakeService,
} from './fake-service.ts';

const says = (stdout: string): Answer => ({ body: result({ run: stage({ stdout }) }) });

const withService = async <T>(
  execute: Route,
  use: (url: string, sent: unknown[]) => Promise<T>,
): Promise<T> => {
  const body = { runtimes: [runtime(), runtime({ name: 'perl', aliases: [], extensions: ['.pl'] })] };
  const service = await startFakeService({ '/v1/runtimes': { body }, '/v1/executions': execute });
  try {
    return await use(service.url, service.executions);
  } finally {
    await service.close();
  }
};

const short = ['bench', '-d', '300ms', '--warm-up', '0'];
const reportOf = (stdout: string): BenchReport => JSON.parse(stdout);

describe('paddock bench', () => {
  test('counts good answers and tells how long they took', async () => {
    const answer = async () => {
      await pause(20);
      return says('hello\n');
    };
    const { ran, sent } = await withService(answer, async (url, bodies) => ({
      ran: await paddock([...short, '-c', '2', '--json'], { url }),
      sent: bodies as { code: string }[],
    }));
    assert.equal(ran.code, 0, ran.stderr);
    const report = reportOf(ran.stdout);
    assert.equal(report.runtime, 'python 3.11.2');
    assert.deepEqual(report.wrong, {});
    // Two connections, 20 ms each, 300 to 400 ms: about 30 or 40; a slow machine does fewer.
    assert.ok(report.executions > 4 && report.executions <= 42, `${report.executions} answers`);
    assert.ok((report.latencyMs?.min ?? 0) >= 19);
    assert.equal(
      report.histogram.reduce((total, { count }) => total + count, 0),
      report.executions,
    );
    assert.equal(
      new Set(sent.map(({ code }) => code)).size,
      sent.length - 1,
      'each request has its own number',
    );
  });

  test('people get bars and a verdict', async () => {
    const ran = await withService(says('hello\n'), (url) => paddock(short, { url }));
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /good answers, [\d.]+ a second/);
    assert.match(ran.stdout, /to [\d.]+ ms +\d+ +[\d.]+ % +█/);
    assert.match(ran.stdout, /p50 .* p99.9 /);
    assert.match(ran.stdout, /Every answer was what the program should give/);
  });

  test('an answer that is not what the program gives ends it with 1, and is told', async () => {
    let n = 0;
    const third = () => (n++ % 3 === 2 ? says('olleh\n') : says('hello\n'));
    const ran = await withService(third, (url) => paddock([...short, '-c', '1'], { url }));
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /\d+ × it printed "olleh\\n" instead of "hello\\n"/);
    assert.doesNotMatch(ran.stdout, /Every answer was/);
  });

  test('what goes wrong while it warms up has gone wrong', async () => {
    let n = 0;
    const second = () => (n++ === 1 ? says('olleh\n') : says('hello\n'));
    const args = ['bench', '-d', '300ms', '--warm-up', '200ms', '-c', '1'];
    const ran = await withService(second, (url) => paddock(args, { url }));
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /1 × it printed/);
  });

  test('a service that refuses under load ends it with 1', async () => {
    let n = 0;
    const full = { type: 'x', title: 'Full', status: 503, code: 'queue-full' };
    const ran = await withService(
      () => (n++ === 0 ? says('hello\n') : { status: 503, body: full }),
      (url) => paddock([...short, '-c', '1', '--json'], { url }),
    );
    assert.equal(ran.code, 1);
    const report = reportOf(ran.stdout);
    assert.deepEqual(Object.keys(report.wrong), ['503 queue-full']);
    assert.equal(report.latencyMs, null);
  });

  test('--rate sends evenly, whatever the number of connections', async () => {
    const at: number[] = [];
    const answer = () => {
      at.push(performance.now());
      return says('hello\n');
    };
    const args = ['bench', '-d', '1s', '--warm-up', '0', '--rate', '50', '--json'];
    const ran = await withService(answer, (url) => paddock(args, { url }));
    assert.equal(ran.code, 0, ran.stderr);
    const paced = at.slice(1);
    assert.ok(paced.length >= 30 && paced.length <= 60, `${paced.length} requests`);
    // A burst at the beginning of the second would be over at once.
    const [first = 0, middle = 0, last = 0] = [paced[0], paced[Math.floor(paced.length / 2)], paced.at(-1)];
    assert.ok(middle - first > (last - first) * 0.3 && last - first > 600, `${first} ${middle} ${last}`);
  });

  test('--rate counts what waits for a connection as latency, and what is never sent', async () => {
    const slow = async () => {
      await pause(50);
      return says('hello\n');
    };
    const args = [...short, '-c', '1', '--rate', '100', '--json'];
    const report = reportOf((await withService(slow, (url) => paddock(args, { url }))).stdout);
    assert.ok(report.unsent > 5, `${report.unsent} unsent`);
    assert.ok((report.latencyMs?.max ?? 0) > 120, `${report.latencyMs?.max}`);
  });

  test('a file chooses the runtime; its output is what all have to print', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-bench-test-'));
    try {
      writeFileSync(join(folder, 'a.pl'), 'print 1');
      const sent = await withService(says('1'), async (url, bodies) => {
        const ran = await paddock([...short, 'a.pl'], { url, cwd: folder });
        assert.equal(ran.code, 0, ran.stderr);
        return bodies;
      });
      assert.deepEqual(sent[0], {
        runtime: 'perl',
        files: [{ name: 'a.pl', content: 'print 1', encoding: 'utf8' }],
      });
      assert.deepEqual(sent.at(-1), sent[0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  for (const [args, words] of [
    [['-c', '0'], /--connections "0" is not a whole number/],
    [['-c', '5000'], /too many; at most 1000/],
    [['-d', 'soon'], /--duration "soon" is not a time/],
    [['--warm-up', 'x'], /--warm-up "x" is not a time/],
    [['--rate', '-1'], /--rate "-1" is not a whole number/],
    [['--code', 'x'], /--code needs --runtime/],
    [['a.py', '--code', 'x'], /either a file or --code/],
    [['nothing.py'], /cannot read nothing.py: there is no such file/],
    [['-r', 'perl'], /for perl, give a program/],
    [['--expect', 'a', '--any-output'], /either --expect or --any-output/],
    [['-'], /as a file or with --code/],
    [['--url', 'x'], /is not a URL/],
  ] as const) {
    test(`"${args.join(' ')}" is a mistake`, async () => {
      const ran = await withService(says(''), (url) => paddock(['bench', ...args], { url }));
      assert.equal(ran.code, 2, ran.stdout);
      assert.match(ran.stderr, words);
      assert.match(ran.stderr, /See paddock bench --help/);
    });
  }

  test('a program that fails is told before any load', async () => {
    const failed = { body: result({ run: stage({ outcome: 'nonzero-exit', stderr: 'SyntaxError' }) }) };
    const { ran, sent } = await withService(failed, async (url, bodies) => ({
      ran: await paddock(short, { url }),
      sent: bodies.length,
    }));
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /does not end well \(nonzero-exit\):\nSyntaxError/);
    assert.equal(sent, 1);
  });

  test('--expect is what the program has to print', async () => {
    const ran = await withService(says('hello\n'), (url) => paddock([...short, '--expect', 'bye'], { url }));
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /printed "hello\\n" instead of "bye"/);
  });

  test('no service is told as for every command', async () => {
    const gone = await withService(says(''), async (url) => url);
    const ran = await paddock(short, { url: gone });
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /no service is running/);
  });
});

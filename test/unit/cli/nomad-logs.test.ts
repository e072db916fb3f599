import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderLogLine } from '../../../service/cli/nomad/log-line.ts';
import { allocation, executorId, fakeNomad } from './fake-nomad.ts';
import { paddock } from './fake-service.ts';

const event = (n: number) =>
  JSON.stringify({
    level: 30,
    time: 1_767_323_045_000,
    pid: 1,
    hostname: 'h',
    executor: 'e',
    n,
    msg: 'ready',
  });
const shown = (n: number) => `2026-01-02T03:04:05.000Z INFO  ready n=${n}\n`;
const log = (count: number) => Array.from({ length: count }, (_, n) => `${event(n)}\n`).join('');
const id = executorId.slice(0, 8);

describe('paddock nomad logs', () => {
  test('renders events, or gives them as they are', async () => {
    const { port, calls } = fakeNomad({ log: `${event(1)}\nplain\nhalf` });
    const ran = await paddock(['nomad', 'logs', id], { nomad: port });
    assert.equal(ran.code, 0, ran.stderr);
    assert.equal(ran.stdout, `${shown(1)}plain\nhalf\n`);
    const json = await paddock(['nomad', 'logs', id, '--json', '--stderr'], { nomad: port });
    assert.equal(json.stdout, `${event(1)}\nplain\nhalf\n`);
    assert.match(calls[2] ?? '', /"task":"executor","type":"stderr","follow":false/);
  });

  test('--tail takes lines, however long the log, or bytes', async () => {
    const { port } = fakeNomad({ log: `${'x'.repeat(5_000)}\n${log(300)}` });
    const tail = async (...args: string[]) =>
      (await paddock(['nomad', 'logs', id, ...args], { nomad: port })).stdout;
    assert.equal(await tail('--tail', '2'), shown(298) + shown(299));
    assert.equal((await tail('-n', '301')).split('\n').length, 302);
    assert.equal((await tail('-n', '9999')).split('\n').length, 302);
    assert.equal(await tail('-n', '3b', '--json'), '"}\n');
    assert.equal(await tail('-n', '2', '-f'), shown(298) + shown(299));
  });

  test('a followed log of one that has ended is shown, with how it ended', async () => {
    const { port, calls } = fakeNomad({
      ...{ allocations: [allocation({ ClientStatus: 'complete' })], log: log(1) },
    });
    const ran = await paddock(['nomad', 'logs', id, '-f'], { nomad: port });
    assert.equal(ran.stdout, shown(0));
    assert.match(ran.stderr, /The executor 466f1652 has ended: allocation complete/);
    assert.match(calls[0] ?? '', /"follow":false/);
  });

  test('what has no log is told in words', async () => {
    for (const [world, args, words] of [
      [{}, ['ffffffff'], /there is no executor ffffffff/],
      [{ allocations: [] }, ['paddock-default/dispatch-1767323000-47608e85'], /has no node yet/],
      [
        { allocations: [allocation({ ClientStatus: 'pending' })], refused: { logs: 404 } },
        [id],
        /not started/,
      ],
      [{ refused: { logs: 404 } }, [id], /never started, or its node has cleaned up/],
      [{ refused: { logs: 403 } }, [id], /viewer\.policy\.hcl/],
    ] as const) {
      const { port } = fakeNomad(world as Parameters<typeof fakeNomad>[0]);
      const ran = await paddock(['nomad', 'logs', ...args], { nomad: port });
      assert.equal(ran.code, 1);
      assert.match(ran.stderr, words);
    }
  });

  test('an error stands with its stack, and nothing reaches the terminal as a command', () => {
    const line = JSON.stringify({
      ...{ level: 50, time: 0, msg: 'bad \u001b[2J name', file: 'a b', plain: 'c' },
      err: { type: 'Error', message: 'no \u202e', stack: 'Error: no\n    at place' },
    });
    assert.equal(
      renderLogLine(line, false),
      '1970-01-01T00:00:00.000Z ERROR bad \\u001b[2J name file="a b" plain=c err="no \\u202e"\n    at place',
    );
    assert.equal(renderLogLine('\u001b]0;title\u0007', true), '\\u001b]0;title\\u0007');
    assert.ok(renderLogLine(line, true).includes(' \u001b[31mERROR\u001b[39m bad'));
    assert.equal(renderLogLine('{"level":1}', false), '{"level":1}');
  });
});

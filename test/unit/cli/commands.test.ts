import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { paddock, runtime, startFakeService } from './fake-service.ts';

describe('the command line as a whole', () => {
  for (const [args, words] of [
    [[], /which command\?/],
    [['frobnicate'], /unknown command: frobnicate/],
    [['runtme'], /did you mean runtimes\?/],
    [['stats', '--frob'], /unknown argument: frob/],
    [['serve', '--port', 'abc'], /--port "abc" is not a port/],
    [['serve', '--port', '70000'], /not a port/],
    [['serve', '--executors', '0'], /whole number of at least 1/],
    [['runtimes', 'chek'], /did you mean check/],
  ] as const) {
    test(`"${args.join(' ')}" is a mistake: 2 and a pointer to help`, async () => {
      const ran = await paddock(args);
      assert.equal(ran.code, 2);
      assert.match(ran.stderr, words);
      assert.match(ran.stderr, /See paddock.* --help/);
      assert.equal(ran.stdout, '');
    });
  }

  test('--help and --version go to standard output', async () => {
    const help = await paddock(['--help']);
    assert.equal(help.code, 0);
    for (const command of 'serve run runtimes executors pools stats bench doctor token nomad'.split(' ')) {
      assert.match(help.stdout, new RegExp(`paddock ${command}`));
      const own = await paddock([command, '--help']);
      assert.equal(own.code, 0);
      assert.match(own.stdout, new RegExp(`^paddock ${command}`));
    }
    assert.equal((await paddock(['--version'])).stdout, '0.0.0-test\n');
  });

  test('serve hands its flags on as variables, over those of the environment', async () => {
    let seen: Record<string, string | undefined> = {};
    const ran = await paddock(
      'serve -p 0 --host 0.0.0.0 --executors 2 --tokens-file t.json --allow-weaker --state-dir s'.split(' '),
      {
        env: { PADDOCK_PORT: '1', PADDOCK_LOG_LEVEL: 'warn' },
        serve: async (env) => {
          seen = env;
          return 3;
        },
      },
    );
    assert.equal(ran.code, 3);
    assert.deepEqual(seen, {
      PADDOCK_PORT: '0',
      PADDOCK_LOG_LEVEL: 'warn',
      PADDOCK_HOST: '0.0.0.0',
      PADDOCK_EXECUTORS: '2',
      PADDOCK_TOKENS_FILE: '/t.json',
      PADDOCK_ALLOW_WEAKER: 'true',
      PADDOCK_STATE_DIR: '/s',
    });
  });

  test('doctor tells what is weaker and how to mend it; only what is required fails it', async () => {
    const good = { name: 'bubblewrap', ok: true, required: true, detail: '0.8.0', fix: 'not told' };
    const weak = { name: 'uids', ok: false, required: false, detail: 'shared', fix: 'be root' };
    const bad = { name: 'cgroup', ok: false, required: true, detail: 'none', fix: 'mount it' };
    const weaker = await paddock(['doctor'], { checks: [good, weak] });
    assert.equal(weaker.code, 0);
    assert.match(weaker.stdout, /✓ bubblewrap {2}0\.8\.0\n! uids {8}shared\n.*be root/);
    assert.doesNotMatch(weaker.stdout, /not told/);
    const failed = await paddock(['doctor', '--json'], { checks: [good, bad] });
    assert.equal(failed.code, 1);
    assert.equal(JSON.parse(failed.stdout).ok, false);
  });

  test('runtimes is a table, or the answer as it came', async () => {
    const body = {
      runtimes: [runtime(), runtime({ name: 'go', available: false, reason: 'go is not installed' })],
    };
    const service = await startFakeService({ '/v1/runtimes': { body } });
    const table = await paddock(['runtimes'], { url: service.url });
    const json = await paddock(['runtimes', '--json'], { url: service.url });
    await service.close();
    assert.match(
      table.stdout,
      /^NAME +VERSION +ALIASES +EXTENSIONS +STATE\npython +3\.11\.2 +py +\.py +available/,
    );
    assert.match(table.stdout, /go .*unavailable: go is not installed/);
    assert.equal(table.stdout.includes('\u001b'), false);
    assert.deepEqual(JSON.parse(json.stdout), body);
  });

  test('stats and pools', async () => {
    const service = await startFakeService({
      '/v1/stats': {
        body: {
          uptimeSeconds: 61,
          queue: { waiting: 1, limit: 100, tenants: { grader: 1 } },
          running: 2,
          executions: { total: 3, byOutcome: { ok: 3 } },
          latency: { p50Ms: 3.25, p95Ms: 5, p99Ms: 1_500, samples: 3 },
        },
      },
      '/v1/pools': {
        body: {
          pools: [
            { name: 'default', executors: 1, capabilities: [], running: 0, room: 4, runtimes: ['python'] },
          ],
        },
      },
    });
    const stats = await paddock(['stats'], { url: service.url });
    const pools = await paddock(['pools'], { url: service.url });
    await service.close();
    assert.match(stats.stdout, /up for +1 min 1 s\n/);
    assert.match(stats.stdout, /99 % +1\.5 s \(of the last 3\)/);
    assert.match(pools.stdout, /default +1 +0 +4 +- +python/);
  });

  test('a foreign server is told from ours', async () => {
    const service = await startFakeService({
      '/v1/stats': { body: '<html>', type: 'text/html' },
      '/v1/pools': { body: {} },
    });
    const html = await paddock(['stats'], { url: service.url });
    const other = await paddock(['pools'], { url: service.url });
    const missing = await paddock(['executors'], { url: service.url });
    await service.close();
    for (const ran of [html, other, missing]) assert.equal(ran.code, 1);
    assert.match(html.stderr, /not a Paddock service/);
    assert.match(other.stderr, /not a Paddock service/);
    assert.match(missing.stderr, /answered 404/);
  });

  test('completion prints a script, and completes commands', async () => {
    assert.match((await paddock(['completion'])).stdout, /complete .* paddock/);
  });
});

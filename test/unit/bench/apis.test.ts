import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { apis } from '../../bench/apis/index.ts';
import { askPaddock } from '../../bench/apis/paddock.ts';
import { targetOf } from '../../bench/load/target.ts';
import { cpp, javascript, type Program, python } from '../../bench/programs.ts';
import { Skip } from '../../bench/scenario.ts';
import { type Asked, type FakeSystem, type Reply, startFakeSystem } from './fake-system.ts';

const pistonRuntimes = [
  { language: 'python', version: '3.10.0', aliases: ['py'] },
  { language: 'node', version: '18.15.0', aliases: ['javascript', 'js'] },
];
const judge0Languages = [
  { id: 70, name: 'Python (2.7.17)' },
  { id: 71, name: 'Python (3.8.1)' },
  { id: 92, name: 'Python (3.11.2)' },
  { id: 54, name: 'C++ (GCC 9.2.0)' },
];

/** What each answers to a program that prints this, as its documentation says. */
const documented: Record<string, (asked: Asked, stdout: string) => Reply | undefined> = {
  piston: ({ path }, stdout) => {
    if (path === '/api/v2/runtimes') return { body: pistonRuntimes };
    if (path !== '/api/v2/execute') return { status: 404, body: {} };
    const run = { stdout, stderr: '', output: stdout, code: 0, signal: null };
    return { body: { language: 'python', version: '3.10.0', run } };
  },
  judge0: ({ path }, stdout) => {
    if (path === '/languages') return { body: judge0Languages };
    if (path !== '/submissions?base64_encoded=false&wait=true') return { status: 404, body: {} };
    const status = { id: 3, description: 'Accepted' };
    return { status: 201, body: { stdout, stderr: null, time: '0.01', memory: 3_000, token: 'x', status } };
  },
  'go-judge': ({ path }, stdout) => {
    if (path === '/version') return { body: { buildVersion: 'v1' } };
    if (path !== '/run') return { status: 404, body: {} };
    return { body: [{ status: 'Accepted', exitStatus: 0, time: 1, files: { stdout, stderr: '' } }] };
  },
};

const withSystem = async <T>(
  api: string,
  reply: (asked: Asked) => Reply | undefined,
  use: (system: FakeSystem, drive: (program: Program) => Promise<number>) => Promise<T>,
): Promise<T> => {
  const system = await startFakeSystem(reply);
  try {
    return await use(system, async (program) => {
      const ask = await apis[api]?.(system.url, 'sesame').ask(program);
      assert.ok(ask);
      const target = targetOf(system.url, ask);
      const connection = target.connect();
      try {
        await target.once(connection);
        return await target.once(connection);
      } finally {
        connection.close();
      }
    });
  } finally {
    await system.close();
  }
};

for (const [api, reply] of Object.entries(documented)) {
  describe(`driving ${api}`, () => {
    test('a good answer is timed, and every request is another program', async () => {
      await withSystem(
        api,
        (asked) => reply(asked, 'hello\n'),
        async ({ asked }, drive) => {
          assert.ok((await drive(python)) > 0);
          const posts = asked.filter(({ method }) => method === 'POST').slice(-2);
          assert.equal(posts.length, 2);
          assert.notDeepEqual(posts[0]?.body, posts[1]?.body);
          assert.match(JSON.stringify(posts[0]?.body), /print\(\\"hello\\"\)/);
          assert.match(Object.values(posts[0]?.headers ?? {}).join(), /sesame/);
        },
      );
    });

    test('what the program should not print is an error', async () => {
      let posts = 0;
      const turns = (asked: Asked) =>
        reply(asked, asked.method === 'POST' && posts++ > 0 ? 'olleh\n' : 'hello\n');
      await withSystem(api, turns, async (_system, drive) => {
        await assert.rejects(drive(python), /a program did not end as it should/);
      });
    });

    test('an error of the system is one', async () => {
      let posts = 0;
      const turns = (asked: Asked) =>
        asked.method === 'POST' && posts++ > 0 ? { status: 500, body: {} } : reply(asked, 'hello\n');
      await withSystem(api, turns, async (_system, drive) => {
        await assert.rejects(drive(python), /no result of an execution: 500/);
      });
    });
  });
}

describe('what a system has', () => {
  test('piston: a language by its alias, by the name it has there; none is a skip', async () => {
    await withSystem(
      'piston',
      (asked) => documented.piston?.(asked, 'hello\n'),
      async ({ asked }, drive) => {
        await drive(javascript);
        assert.partialDeepStrictEqual(asked.at(-1)?.body, { language: 'node', version: '*' });
        await assert.rejects(drive(cpp), Skip);
      },
    );
  });

  test('judge0: the newest of a language', async () => {
    await withSystem(
      'judge0',
      (asked) => documented.judge0?.(asked, 'hello\n'),
      async ({ asked }, drive) => {
        await drive(python);
        assert.partialDeepStrictEqual(asked.at(-1)?.body, { language_id: 92 });
        await drive(cpp);
        assert.partialDeepStrictEqual(asked.at(-1)?.body, { language_id: 54 });
        await assert.rejects(drive(javascript), Skip);
      },
    );
  });

  test('go-judge: a command alone, a compilation and its program in a shell; a tool that it lacks is a skip', async () => {
    await withSystem(
      'go-judge',
      (asked) => documented['go-judge']?.(asked, 'hello\n'),
      async ({ asked }, drive) => {
        await drive(python);
        assert.partialDeepStrictEqual(asked.at(-1)?.body, {
          cmd: [{ args: ['/usr/bin/python3', '-I', 'main.py'] }],
        });
        await drive(cpp);
        assert.partialDeepStrictEqual(asked.at(-1)?.body, {
          cmd: [{ args: ['/bin/sh', '-c', 'g++ -O2 main.cpp -o x && ./x'] }],
        });
      },
    );
    const missing = { body: [{ status: 'Internal Error', exitStatus: 0, error: 'node: no such file' }] };
    await withSystem(
      'go-judge',
      ({ method }) => (method === 'POST' ? missing : { body: {} }),
      async (_system, drive) => {
        await assert.rejects(
          drive(javascript),
          (error) => error instanceof Skip && /no such file/.test(error.message),
        );
      },
    );
  });
});

describe('driving paddock', () => {
  const answer = (outcome: string, stdout: string) => JSON.stringify({ run: { outcome, stdout } });
  test('only a program that ended well with its output is good', () => {
    const { fault } = askPaddock(python);
    assert.equal(fault(200, answer('ok', 'hello\n')), undefined);
    assert.match(fault(200, answer('ok', 'hello')) ?? '', /did not end/);
    assert.match(fault(200, answer('time-limit', 'hello\n')) ?? '', /did not end/);
    assert.match(fault(503, '{"code": "queue-full"}') ?? '', /no result/);
    assert.match(fault(200, '{"compile": {}}') ?? '', /no result/);
  });

  test('the C++ standard that the bare compiler takes goes along', () => {
    assert.partialDeepStrictEqual(JSON.parse(askPaddock(cpp).body('x')), { runtime: 'c++', version: '17' });
  });
});

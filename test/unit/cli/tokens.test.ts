import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { tokensFileSchema } from '../../../service/contracts/service.ts';
import { hashToken } from '../../../service/contracts/token.ts';
import { paddock } from './fake-service.ts';

describe('paddock token', () => {
  let home: string;
  let path: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'paddock-token-'));
    path = join(home, '.config/paddock/tokens.json');
  });
  after(() => rm(home, { recursive: true, force: true }));
  const token = (...args: string[]) => paddock(['token', ...args], { env: { HOME: home } });

  test('create shows a token once and keeps its hash, readable by the owner only', async () => {
    const made = await token(
      'create',
      'grader',
      '--weight',
      '3',
      '--max-limit',
      'memoryMb=512',
      '--allow-images',
      'a.example/team',
    );
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, /^pdk_[A-Za-z0-9_-]{43}\n$/);
    const text = await readFile(path, 'utf8');
    assert.equal(text.includes(made.stdout.trim()), false);
    const { tokens } = tokensFileSchema.parse(JSON.parse(text));
    assert.deepEqual(tokens, [
      {
        tenant: 'grader',
        tokenHash: hashToken(made.stdout.trim()),
        createdAt: '2026-01-02T03:04:05.000Z',
        weight: 3,
        maxWaiting: 100,
        maxLimits: { memoryMb: 512 },
        images: ['a.example/team'],
      },
    ]);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(home, '.config/paddock')), ['tokens.json']);
  });

  test('list names tenants and never a hash', async () => {
    await token('create', 'other');
    const human = await token('list');
    assert.match(human.stdout, /^TENANT[\s\S]*grader[\s\S]*memoryMb=512[\s\S]*other/);
    const machine = await token('list', '--json');
    assert.doesNotMatch(machine.stdout + human.stdout, /[0-9a-f]{64}/);
    assert.equal(JSON.parse(machine.stdout).tokens.length, 2);
  });

  test('revoke takes a tenant’s tokens back', async () => {
    assert.equal((await token('revoke', 'other')).code, 0);
    const unknown = await token('revoke', 'other');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /no tenant and no token is called "other"/);
    assert.equal(tokensFileSchema.parse(JSON.parse(await readFile(path, 'utf8'))).tokens.length, 1);
  });

  for (const [args, words] of [
    [['create', 'Bad Name'], /lower-case word/],
    [['create', 'x', '--weight', 'abc'], /--weight "abc"/],
    [['create', 'x', '--weight', '0'], /--weight "0"/],
    [['create', 'x', '--weight', '101'], /weight/],
    [['create'], /an argument is missing/],
    [['frob'], /unknown command: frob/],
  ] as const) {
    test(`"token ${args.join(' ')}" is refused with 2`, async () => {
      const ran = await token(...args);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, words);
    });
  }

  test('a file that is not ours is left as it is', async () => {
    const foreign = join(home, 'foreign.json');
    await writeFile(foreign, '{"a": 1}');
    const ran = await token('create', 'x', '--tokens-file', foreign);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /left as it is/);
    assert.equal(await readFile(foreign, 'utf8'), '{"a": 1}');
  });
});

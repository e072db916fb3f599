import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultLimits } from '../../../../service/contracts/index.ts';
import type { Toolchain } from '../../../../service/executor/runtimes/probe.ts';
import {
  commandFor,
  planStage,
  resized,
  type StageSource,
  withKey,
} from '../../../../service/executor/runtimes/stage-plan.ts';
import { NODE_INSIDE } from '../../../../service/executor/runtimes/surroundings.ts';
import { manifest } from './manifest.ts';

const toolchain: Toolchain = {
  path: '/usr/bin/lang',
  inside: '/usr/bin/lang',
  root: undefined,
  version: '1',
  said: 'Lang 1',
};
const source = (changed: Partial<StageSource> = {}): StageSource => ({
  manifest: manifest(),
  folder: '/images/lang',
  toolchain,
  image: undefined,
  prepared: undefined,
  limits: defaultLimits,
  forkServers: true,
  ...changed,
});
const run = (command: string[], changed: Partial<StageSource> = {}) =>
  planStage(source(changed), { command, env: {} });
const warm = {
  command: ['{toolchain}', 'warm'],
  memoryMb: 9,
  startMs: 50,
  forks: false,
  preload: [] as string[],
};

describe('the plan of a stage', () => {
  test('fills in the toolchain and leaves what belongs to a request', () => {
    const plan = run(['{toolchain}', '-L{toolchainRoot}/lib:{toolchain}', '{entry}', '{sources}']);
    assert.deepEqual(plan.command, ['/usr/bin/lang', '-L/usr/lib:/usr/bin/lang', '{entry}', '{sources}']);
    const odd = { ...toolchain, inside: '/opt/$&/lang', root: '/opt/$$' };
    assert.deepEqual(run(['{toolchain}', '{toolchainRoot}'], { toolchain: odd }).command, [
      '/opt/$&/lang',
      '/opt/$$',
    ]);
  });

  test('has the environment of base, runtime and stage, the nearer one first', () => {
    const own = source({ manifest: manifest({ env: { A: 'runtime', B: 'runtime', LANG: 'C' } }) });
    const plan = planStage(own, { command: ['x'], env: { B: 'stage {toolchain}' } });
    assert.deepEqual(
      [plan.env.A, plan.env.B, plan.env.LANG, plan.env.HOME],
      ['runtime', 'stage /usr/bin/lang', 'C', '/work'],
    );
  });

  test('shows what it mentions and no more', () => {
    const all = {
      prepared: '/cache/p',
      toolchain: { ...toolchain, inside: NODE_INSIDE, path: '/host/node', root: '/opt/lang' },
    };
    const targets = (command: string[]) =>
      run(command, all).spec.shown.map(({ source, target }) => [source, target]);
    const runtime = ['/images/lang', '/opt/paddock/runtime'];
    const prepared = ['/cache/p', '/opt/paddock/prepared'];
    const node = ['/host/node', NODE_INSIDE];
    const root = ['/opt/lang', '/opt/lang'];
    assert.deepEqual(targets(['x']), []);
    assert.deepEqual(targets(['x', '/opt/paddock/prepared/y']), [prepared]);
    assert.deepEqual(targets(['{toolchain}']), [node, root]);
    assert.deepEqual(targets(['x', '{toolchainRoot}/y']), [root]);
    assert.deepEqual(targets(['/opt/paddock/runtime/z']), [runtime, prepared, node, root]);
  });

  test('shows further paths of the manifest where they exist', () => {
    const own = { manifest: manifest({ mounts: ['/', '/there/is/no/such'] }) };
    assert.deepEqual(run(['x'], own).spec.shown, [{ source: '/', target: '/' }]);
  });

  test('has equal keys where sandboxes are interchangeable', () => {
    const key = (changed: Partial<StageSource>, stage = {}) =>
      planStage(source(changed), { command: ['a'], env: {}, ...stage }).spec.key;
    const plain = key({});
    assert.equal(key({}, { command: ['b', '{entry}'] }), plain);
    assert.equal(key({}, { env: { A: '1' } }), plain, 'its environment comes with go');
    assert.equal(key({ limits: { ...defaultLimits, memoryMb: 1 } }), plain, 'limits are set at go');
    const others = [
      key({ limits: { ...defaultLimits, scratchMb: 1 } }),
      key({ limits: { ...defaultLimits, scratchFiles: 1 } }),
      key({}, { command: ['/opt/paddock/runtime/x'] }),
      key({}, { warm }),
      key({}, { warm, env: { A: '1' } }),
      key({}, { warm: { ...warm, command: ['other'] } }),
      key({}, { warm: { ...warm, forks: true } }),
      key({}, { warm: { ...warm, preload: ['json'] } }),
      key({ manifest: manifest({ sandboxes: 'single' }) }),
    ];
    assert.equal(new Set([plain, ...others]).size, others.length + 1);
  });

  test('starts the warm command ahead, with the environment of the stage', () => {
    const plan = planStage(source(), { command: ['x'], env: { A: '1' }, warm });
    assert.deepEqual(plan.spec.warmCommand, ['/usr/bin/lang', 'warm']);
    assert.equal(plan.spec.env.A, '1');
    assert.deepEqual([plan.warm?.memoryMb, plan.warm?.startMs], [9, 50]);
    assert.equal(run(['x']).spec.warmCommand, undefined);
  });
});

describe('the way a stage’s sandboxes are made', () => {
  const spec = (changed: Partial<StageSource>, stage = {}) =>
    planStage(source(changed), { command: ['a'], env: {}, ...stage }).spec;
  const forking = { ...warm, forks: true };

  test('is forking, of an interpreter only where its warm command forks', () => {
    assert.equal(spec({}).forked?.interpreter, false);
    assert.equal(spec({}, { warm }).forked?.interpreter, false);
    assert.equal(spec({}, { warm: forking }).forked?.interpreter, true);
  });

  test('is a single one each where the manifest says so', () => {
    const single = { manifest: manifest({ sandboxes: 'single' }) };
    assert.equal(spec(single).forked, undefined);
    assert.equal(spec(single, { warm: forking }).forked, undefined);
  });

  test('is a single one each where the executor has no fork servers, as if the manifest said so', () => {
    const without = { forkServers: false };
    assert.deepEqual(spec(without), spec({ manifest: manifest({ sandboxes: 'single' }) }));
    assert.equal(spec(without, { warm: forking }).forked, undefined);
  });

  test('shares a fork server where it would be the same, whatever the size of the scratch space', () => {
    const server = (...args: Parameters<typeof spec>) => spec(...args).forked?.key;
    const small = { limits: { ...defaultLimits, scratchMb: 1 } };
    // Nothing is started in it: what a sandbox of it starts comes with each request to it.
    const plain = server({});
    for (const same of [server(small), server({}, { warm }), server({}, { env: { A: '1' } })])
      assert.equal(same, plain);
    const interpreters = [
      server({}, { warm: forking }),
      server({}, { warm: forking, env: { A: '1' } }),
      server({}, { warm: { ...forking, command: ['other'] } }),
      server({}, { warm: { ...forking, preload: ['json'] } }),
      server({}, { warm: forking, command: ['/opt/paddock/runtime/x'] }),
    ];
    assert.equal(server(small, { warm: forking }), interpreters[0]);
    const others = [plain, server({}, { command: ['/opt/paddock/runtime/x'] }), ...interpreters];
    assert.equal(new Set(others).size, others.length);
    assert.notEqual(server({ manifest: manifest({ mounts: ['/'] }) }), plain);
  });

  test('stays with another size of scratch space', () => {
    const before = spec({}, { warm: forking });
    const larger = resized(before, { ...defaultLimits, scratchMb: 999 });
    assert.notEqual(larger.key, before.key);
    assert.deepEqual(larger.forked, before.forked);
    assert.equal(larger.limits.scratchMb, 999);
    assert.deepEqual([larger.warmCommand, larger.env], [before.warmCommand, before.env]);
    assert.equal(resized(larger, before.limits).key, before.key);
    const single = spec({ manifest: manifest({ sandboxes: 'single' }) });
    assert.equal(resized(single, { ...defaultLimits, scratchMb: 999 }).forked, undefined);
  });

  test('is in the key: a sandbox made one way is not handed out for the other', () => {
    const bare = { shown: [], env: {}, limits: defaultLimits };
    const keys = [withKey(bare), withKey(bare, { interpreter: false }), withKey(bare, { interpreter: true })];
    assert.equal(new Set(keys.map(({ key }) => key)).size, 3);
    assert.equal(new Set(keys.map(({ forked }) => forked?.key)).size, 3);
  });

  test('tells the warm command what to import ahead, not the program', () => {
    const preload = ['json', 'decimal'];
    const plan = planStage(source(), { command: ['a'], env: {}, warm: { ...forking, preload } });
    assert.equal(plan.spec.env.PADDOCK_PRELOAD, 'json decimal');
    assert.equal('PADDOCK_PRELOAD' in plan.env, false);
    assert.equal('PADDOCK_PRELOAD' in spec({}, { warm: forking }).env, false);
  });

  test('is read from the manifest, forked without interpreters and preloads where it says nothing', () => {
    const run = { command: ['x'], warm: { command: ['w'], memoryMb: 1 } };
    const said = manifest({ run });
    assert.equal(said.sandboxes, 'forked');
    assert.deepEqual([said.run.warm?.forks, said.run.warm?.preload], [false, []]);
    for (const preload of [['a b'], [''], ['a\n']])
      assert.throws(() => manifest({ run: { ...run, warm: { ...run.warm, preload } } }));
  });
});

describe('the command of a request', () => {
  const command = (parts: string[], entry: string, files: string[] = [entry]) =>
    commandFor(parts, entry, files, ['.c', '.cc']);

  test('names the entry and its stem', () => {
    assert.deepEqual(command(['./{entry}', '{entryStem}.out', 'x{entry}y{entry}'], 'a/b.main.c'), [
      './a/b.main.c',
      'a/b.main.out',
      'xa/b.main.cya/b.main.c',
    ]);
    assert.deepEqual(command(['{entryStem}'], 'a.b/noextension'), ['a.b/noextension']);
  });

  test('takes names as they are, whatever a replacement or a placeholder would make of them', () => {
    for (const name of [
      "a$&b$$c$'d$`e$1.c",
      '{entry}{entryStem}.c',
      '{sources}',
      '$<x>.c',
      ' ; rm -rf *.c',
    ]) {
      assert.deepEqual(command(['{entry}', '-o{entryStem}'], name), [name, `-o${name.replace(/\.c$/, '')}`]);
    }
  });

  test('lists sources by extension, the entry first and once, none of them an option', () => {
    assert.deepEqual(command(['cc', '{sources}'], 'main.c', ['x.c', 'main.c', 'h.h', '-o.cc']), [
      'cc',
      './main.c',
      './x.c',
      './-o.cc',
    ]);
    assert.deepEqual(command(['{sources}'], 'README', ['README', 'a.c']), ['./README', './a.c']);
    assert.deepEqual(command(['{sources}x'], 'a.c'), ['{sources}x'], 'only as a whole argument');
  });

  test('keeps an image’s variables from what is started before the program', () => {
    const image = { root: '/roots/a', env: { PATH: '/image/bin', LD_PRELOAD: '/evil.so' } };
    const stages: Parameters<typeof planStage>[1][] = [
      { command: ['x'], env: {} },
      { command: ['x'], env: { OWN: '1' }, warm },
    ];
    for (const stage of stages) {
      const plan = planStage(source({ image }), stage);
      assert.equal(plan.spec.root, '/roots/a');
      assert.equal('LD_PRELOAD' in plan.spec.env, false);
      assert.notEqual(plan.spec.env.PATH, '/image/bin');
      assert.deepEqual([plan.env.PATH, plan.env.LD_PRELOAD], ['/image/bin', '/evil.so']);
    }
  });
});

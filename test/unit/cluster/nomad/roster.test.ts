import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRoster } from '../../../../service/cluster/nomad/roster.ts';
import type { Registration } from '../../../../service/contracts/cluster-api.ts';
import { createHandClock } from '../../hand-clock.ts';
import { allocationOf, settle } from './fake-nomad.ts';

const A = 'a1b2c3d4-0000-4000-8000-000000000001';
const JOB = 'paddock-default/dispatch-1-0000000a';

const prepared = (given: { tls?: boolean } = {}) => {
  const clock = createHandClock();
  const told: string[] = [];
  const warned: string[] = [];
  let signed: (() => Promise<void>) | undefined;
  const forgotten: string[] = [];
  const roster = createRoster({
    listener: {
      joined: ({ id, url, pool, authorization }) =>
        told.push(`joined ${id.at(-1)} ${url} ${pool} ${authorization()}`),
      draining: (id) => told.push(`draining ${id.at(-1)}`),
      left: (id, reason) => told.push(`left ${id.at(-1)}: ${reason}`),
    },
    tokens: {
      for: async (id) => {
        await signed?.();
        return () => `token of ${id.at(-1)}`;
      },
      forget: (id) => forgotten.push(id),
      close: () => {},
    },
    tls: given.tls ? { ca: '', cert: '', key: '' } : undefined,
    clock,
    log: { warn: (_fields, message) => warned.push(message) },
  });
  const registration = (state: Registration['state'] = 'ready'): Registration => ({
    ...{ allocation: A, pool: 'default', url: 'http://10.0.0.1:20000', node: 'one', state },
  });
  const running = (given: { created?: number; port?: number | undefined } = {}) =>
    roster.changed([
      {
        kind: 'running',
        pool: 'default',
        allocation: allocationOf({ id: A, job: JOB, port: 20_000, created: clock.epoch(), ...given }),
      },
    ]);
  const ended = () => roster.changed([{ kind: 'ended', id: A, reason: 'gone' }]);
  const ending = () => roster.changed([{ kind: 'ending', id: A }]);
  /** Tokens are made only when the answer is called. */
  const holdTokens = (): ((error?: Error) => void) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signed = () => promise;
    return (error) => {
      signed = undefined;
      if (error) reject(error);
      else resolve();
    };
  };
  return {
    ...{ clock, told, warned, forgotten, roster, registration, running, ended, ending, holdTokens },
    register: (state?: Registration['state']) => roster.registered(registration(state)),
  };
};
const JOINED = 'joined 1 http://10.0.0.1:20000 default token of 1';

describe('an executor joins', () => {
  test('once, whether it or Nomad says so first', async () => {
    const first = prepared();
    await first.register();
    first.running();
    await first.register();
    first.clock.advance(10_000);
    await settle();
    assert.deepEqual(first.told, [JOINED]);
    const second = prepared();
    second.running();
    second.clock.advance(3_999);
    await second.register();
    second.clock.advance(10_000);
    await settle();
    assert.deepEqual(second.told, [JOINED]);
    assert.deepEqual(second.clock.pending(), []);
  });

  test('where Nomad has put it, if it does not say so itself in time', async () => {
    const { clock, told, running } = prepared();
    running();
    clock.advance(3_999);
    await settle();
    assert.deepEqual(told, []);
    clock.advance(1);
    await settle();
    assert.deepEqual(told, [JOINED]);
  });

  test('at once if it has run for long: this dispatcher was started anew', async () => {
    const { clock, told, running } = prepared();
    clock.advance(60_000);
    running({ created: 1_000 });
    await settle();
    assert.deepEqual(told, [JOINED]);
  });

  test('by https where there is TLS, and not without a port', async () => {
    const secure = prepared({ tls: true });
    secure.running();
    secure.clock.advance(4_000);
    await settle();
    assert.match(secure.told[0] ?? '', /^joined 1 https:\/\/10\.0\.0\.1:20000 /);
    const without = prepared();
    without.running({ port: undefined });
    without.clock.advance(60_000);
    await settle();
    assert.deepEqual(without.told, []);
    assert.deepEqual(without.warned, ['an executor has no port labelled http']);
  });

  test('later, if its token could not be made', async () => {
    const { clock, told, warned, running, register, holdTokens } = prepared();
    const fail = holdTokens();
    const registered = assert.rejects(register(), /no key/);
    fail(new Error('no key'));
    await registered;
    assert.deepEqual(told, []);
    const failAgain = holdTokens();
    clock.advance(60_000);
    running({ created: 1 });
    failAgain(new Error('no key'));
    await settle();
    assert.deepEqual(warned, ['no token could be made']);
    clock.advance(4_000);
    await settle();
    assert.deepEqual(told, [JOINED]);
  });
});

describe('an executor leaves', () => {
  test('once, and its token is forgotten', async () => {
    const { told, forgotten, register, ended } = prepared();
    await register();
    ended();
    ended();
    assert.deepEqual(told, [JOINED, 'left 1: gone']);
    assert.ok(forgotten.includes(A));
  });

  test('while its token is made, or before it said that it is ready', async () => {
    const { clock, told, register, running, ended, holdTokens } = prepared();
    running();
    ended();
    clock.advance(10_000);
    const made = holdTokens();
    const registered = register();
    ended();
    made();
    await registered;
    await settle();
    assert.deepEqual(told, []);
  });

  test('when its node is silent, and is back when the node is', async () => {
    const { clock, told, register, running, ended } = prepared();
    await register();
    ended();
    clock.advance(30_000);
    running({ created: 1 });
    await settle();
    assert.deepEqual(told, [JOINED, 'left 1: gone', JOINED]);
  });

  test('when Nomad has not heard of it after a minute', async () => {
    const { clock, told, roster, register } = prepared();
    await register();
    clock.advance(60_000);
    roster.check(() => undefined);
    assert.equal(told.length, 1);
    clock.advance(1);
    roster.check(() => true);
    roster.check(() => false);
    assert.equal(told.length, 1, 'Nomad knows it');
    roster.check(() => undefined);
    assert.deepEqual(told, [JOINED, 'left 1: Nomad does not know it']);
  });
});

describe('an executor drains', () => {
  test('and is told so once, whoever says it', async () => {
    const { told, register, ending } = prepared();
    await register();
    await register('draining');
    ending();
    await register('draining');
    await register();
    assert.deepEqual(told, [JOINED, 'draining 1']);
  });

  test('before it joins: then it does not', async () => {
    const waited = prepared();
    waited.running();
    waited.ending();
    waited.clock.advance(10_000);
    await waited.register();
    assert.deepEqual(waited.told, []);
    const signing = prepared();
    const made = signing.holdTokens();
    const registered = signing.register();
    await signing.register('draining');
    made();
    await registered;
    signing.ended();
    assert.deepEqual(signing.told, [], 'it never joined, so it does not leave');
  });
});

test('after the end nothing joins any more', async () => {
  const { clock, told, roster, register, running, holdTokens } = prepared();
  running();
  const made = holdTokens();
  const registered = register();
  roster.close();
  made();
  await registered;
  running();
  clock.advance(10_000);
  await settle();
  assert.deepEqual(told, []);
  assert.deepEqual(clock.pending(), []);
});

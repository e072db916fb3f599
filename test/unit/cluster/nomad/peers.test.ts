import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import type { Leader } from '../../../../service/cluster/nomad/leadership.ts';
import { createPeers } from '../../../../service/cluster/nomad/peers.ts';
import { demandReportSchema } from '../../../../service/contracts/cluster-api.ts';
import { createHandClock } from '../../hand-clock.ts';
import { settle } from './fake-nomad.ts';

const self = { dispatcher: 'self', url: 'http://10.0.0.1:7070' };
const waiting = (count: number) => [{ pool: 'default', waiting: count }];

const prepared = (context: TestContext) => {
  const clock = createHandClock();
  const warned: string[] = [];
  const state: { leader: Leader | undefined; leads: boolean } = { leader: undefined, leads: false };
  const peers = createPeers({
    ...{ self, clock, tls: undefined, leads: () => state.leads, leader: () => state.leader },
    authorization: () => 'Bearer token',
    log: { warn: (_fields, message) => warned.push(message) },
  });
  context.after(() => peers.close());
  const report = (dispatcher: string, count = 1, url = `http://${dispatcher}:7070`) =>
    peers.receive({ dispatcher, url, pools: waiting(count) });
  return { clock, warned, state, peers, report };
};

/** A leading dispatcher that answers only when it is told to. */
const leading = async (context: TestContext) => {
  const requests: {
    count: number | undefined;
    authorization: string | undefined;
    answer(status?: number): void;
  }[] = [];
  let came = (): void => {};
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const report = demandReportSchema.parse(JSON.parse(await text(request)));
    assert.equal(`${request.method} ${request.url}`, 'POST /cluster/demand');
    requests.push({
      count: report.pools[0]?.waiting,
      authorization: request.headers.authorization,
      answer: (status = 204) => response.writeHead(status).end(),
    });
    came();
  };
  const server = createServer((request, response) => void take(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const nth = async (count: number) => {
    while (requests.length < count)
      await new Promise<void>((resolve) => {
        came = resolve;
      });
    const request = requests[count - 1];
    assert.ok(request);
    return request;
  };
  return { leader: { dispatcher: `leader at ${port}`, url: `http://127.0.0.1:${port}` }, requests, nth };
};
/** Until something that happens elsewhere is so. */
const eventually = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
};

describe('what the others told', () => {
  test('counts for four seconds, the newest of each', (context) => {
    const { clock, peers, report } = prepared(context);
    report('a', 1);
    report('b', 2);
    report('a', 3);
    assert.deepEqual(peers.heard(), [...waiting(3), ...waiting(2)]);
    clock.advance(3_999);
    report('b', 4);
    clock.advance(1);
    assert.deepEqual(peers.heard(), waiting(4));
  });

  test('does not count where it is of this one, or of one that was started anew', (context) => {
    const { peers, report } = prepared(context);
    report('self', 5);
    assert.deepEqual(peers.heard(), []);
    report('a before', 5, 'http://a:7070');
    report('a after', 1, 'http://a:7070');
    assert.deepEqual(peers.heard(), waiting(1));
    assert.deepEqual(peers.urls(), [self.url, 'http://a:7070']);
  });

  test('is bounded, and the oldest goes first', (context) => {
    const { clock, peers, report } = prepared(context);
    for (let sender = 0; sender < 500; sender++) {
      report(`d${sender}`);
      clock.advance(1);
    }
    assert.equal(peers.heard().length, 63);
    assert.equal(peers.urls().length, 64);
    assert.ok(peers.urls().includes('http://d499:7070'));
    assert.ok(!peers.urls().includes('http://d400:7070'));
  });

  test('says where they are for a minute', (context) => {
    const { clock, peers, report } = prepared(context);
    report('a');
    clock.advance(59_999);
    assert.deepEqual(peers.urls(), [self.url, 'http://a:7070']);
    clock.advance(1);
    assert.deepEqual(peers.urls(), [self.url]);
  });
});

describe('what is told to the leader', () => {
  test('is the newest only, one at a time', async (context) => {
    const { state, peers } = prepared(context);
    const { leader, requests, nth } = await leading(context);
    state.leader = leader;
    for (const count of [1, 2, 3]) peers.tell(waiting(count));
    const first = await nth(1);
    assert.deepEqual([first.count, first.authorization], [1, 'Bearer token']);
    peers.tell(waiting(4));
    first.answer();
    const second = await nth(2);
    assert.equal(second.count, 4);
    second.answer();
    await settle();
    assert.equal(requests.length, 2);
  });

  test('goes nowhere where this one leads, is about to, or nobody does', async (context) => {
    const { state, peers, warned } = prepared(context);
    const { leader, requests } = await leading(context);
    peers.tell(waiting(1));
    state.leader = { ...leader, dispatcher: self.dispatcher };
    peers.tell(waiting(1));
    state.leader = leader;
    state.leads = true;
    peers.tell(waiting(1));
    await settle(50);
    assert.deepEqual(requests, []);
    assert.deepEqual(warned, []);
  });

  test('goes to the next leader when there is another one', async (context) => {
    const { state, peers } = prepared(context);
    const [one, two] = [await leading(context), await leading(context)];
    state.leader = one.leader;
    peers.tell(waiting(1));
    const first = await one.nth(1);
    state.leader = two.leader;
    peers.tell(waiting(2));
    first.answer();
    (await two.nth(1)).answer();
    await settle();
    assert.equal(one.requests.length, 1);
  });

  test('is given up after two seconds where the leader hangs, and told again; that is told once', async (context) => {
    const { clock, state, peers, warned } = prepared(context);
    const { leader, nth } = await leading(context);
    state.leader = leader;
    peers.tell(waiting(1));
    await nth(1);
    peers.tell(waiting(2));
    clock.advance(1_999);
    await settle();
    assert.deepEqual(warned, []);
    clock.advance(1);
    (await nth(2)).answer(401);
    await eventually(() => clock.pending().length === 0);
    peers.tell(waiting(3));
    const third = await nth(3);
    assert.equal(third.count, 3);
    assert.deepEqual(warned, ['the leading dispatcher cannot be told of demand']);
    third.answer();
  });

  test('after the end is nothing', async (context) => {
    const { state, peers, warned } = prepared(context);
    const { leader, requests, nth } = await leading(context);
    state.leader = leader;
    peers.tell(waiting(1));
    await nth(1);
    await peers.close();
    peers.tell(waiting(2));
    await settle(50);
    assert.equal(requests.length, 1);
    assert.deepEqual(warned, []);
  });
});

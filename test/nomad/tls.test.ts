import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { dispatcherServerName, executorServerName } from '../../service/contracts/cluster-api.ts';
import { execute, post, run } from '../harness/client.ts';
import { type Authority, type Certificate, makeAuthority } from '../harness/nomad-certificates.ts';
import { identityOf } from '../harness/nomad-identity.ts';
import type { Installation } from '../harness/nomad-paddock.ts';
import type { Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hello } from './programs.ts';

const nomad = useNomad({ nodes: [{ name: 'plain' }], tls: true });

const variables = (authority: Authority, { cert, key }: Certificate) => ({
  ...{ PADDOCK_TLS_CA: authority.ca, PADDOCK_TLS_CERT: cert, PADDOCK_TLS_KEY: key },
});

/** @throws where there is no TLS connection, or it is broken before an answer */
const statusOf = (
  url: string,
  authority: Authority,
  { servername, certificate }: { servername: string; certificate?: Certificate | undefined },
): Promise<number> =>
  new Promise((resolve, reject) => {
    const own = certificate && { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) };
    const options = { ca: readFileSync(authority.ca), servername, ...own, agent: false, timeout: 5_000 };
    const asking = request(url, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asking.once('timeout', () => asking.destroy(new Error('no answer')));
    asking.once('error', reject);
    asking.end();
  });

describe('TLS for Nomad, and between dispatchers and executors', { skip: nomad.skip }, () => {
  let paddock: Installation;
  let authority: Authority;
  let dispatcher: Service;
  let executorUrl: string;
  let identity: string;
  let certificates: { dispatcher: Certificate; executor: Certificate };

  before(async () => {
    authority = makeAuthority(join(nomad.cluster.folder, 'paddock-tls'));
    certificates = {
      dispatcher: authority.issue('client', dispatcherServerName),
      executor: authority.issue('client', executorServerName),
    };
    const trusted = [
      readFileSync(authority.ca, 'utf8'),
      readFileSync(nomad.cluster.authority?.ca ?? '', 'utf8'),
    ];
    setDefaultCACertificates([...getCACertificates('default'), ...trusted]);
    paddock = nomad.install({
      prefix: 'tls',
      // On one machine both ends would have the same paths: executors are given theirs here.
      pools: [{ name: 'plain', executor: { environment: variables(authority, certificates.executor) } }],
      env: variables(authority, certificates.dispatcher),
    });
    dispatcher = await paddock.startDispatcher();
  });

  test('an execution goes all the way over TLS', async () => {
    assert.ok(nomad.cluster.address.startsWith('https://'));
    assert.ok(dispatcher.url.startsWith('https://'));
    const result = await run(dispatcher.url, hello);
    assert.equal(result.run?.stdout, 'hello\n');
    // An executor may have run something before Nomad's servers hear that it runs.
    const [allocation] = await paddock.hasRunning('plain', 1);
    assert.equal(allocation?.ID, result.executor);
    const port = allocation?.AllocatedResources?.Shared.Ports.find(({ Label }) => Label === 'http');
    assert.ok(allocation && port);
    executorUrl = `https://127.0.0.1:${port.Value}/status`;
    identity = identityOf(allocation.ID);
  });

  test('Nomad answers nobody without a certificate', async () => {
    await assert.rejects(fetch(`${nomad.cluster.address}/v1/status/leader`), TypeError);
  });

  test('an executor says by itself that it is ready, with its certificate', async () => {
    const [first] = await paddock.running('plain');
    assert.ok(first);
    // The job: of an allocation alone Nomad would start a successor, on top of the pool's.
    await nomad.cluster.get(`/v1/job/${encodeURIComponent(first.JobID)}`, { method: 'DELETE' });
    const runsElsewhere = async (): Promise<boolean> => {
      const answer = await execute(dispatcher.url, { ...hello, deadlineMs: 20_000 });
      return answer.ok && answer.result.executor !== first.ID;
    };
    await waitFor(runsElsewhere, { what: 'the next executor to run something', timeoutMs: 20_000 });
    const joinedAt = Date.now();
    const [next] = await paddock.hasRunning('plain', 1);
    assert.ok(next);
    // The dispatcher looks itself where Nomad has put one that is silent for four seconds.
    assert.ok(joinedAt - next.CreateTime < 4_000, `it took ${joinedAt - next.CreateTime} ms`);
    const port = next.AllocatedResources?.Shared.Ports.find(({ Label }) => Label === 'http');
    executorUrl = `https://127.0.0.1:${port?.Value}/status`;
  });

  test('callers of a dispatcher need no certificate', async () => {
    const answer = await fetch(`${dispatcher.url}/v1/pools`);
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  });

  test('a dispatcher takes no word of an executor without a certificate, whatever its identity', async () => {
    const headers = { authorization: `Bearer ${identity}` };
    const { status, text } = await post(dispatcher.url, '/cluster/executors', '{}', { headers });
    assert.equal(status, 401);
    assert.match(text, /certificate/);
  });

  describe('an executor', () => {
    const ask = (certificate?: Certificate) =>
      statusOf(executorUrl, authority, { servername: executorServerName, certificate });

    test("answers who has a dispatcher's certificate, and asks for a token", async () => {
      assert.equal(await ask(certificates.dispatcher), 401);
    });

    test('breaks a connection without a certificate', async () => {
      await assert.rejects(ask());
    });

    test("breaks a connection with another executor's certificate", async () => {
      await assert.rejects(ask(certificates.executor));
    });

    test('breaks a connection with a certificate of another authority', async () => {
      const other = makeAuthority(join(nomad.cluster.folder, 'other-tls'));
      await assert.rejects(ask(other.issue('client', dispatcherServerName)));
    });

    test("shows a certificate that is an executor's", async () => {
      const wrong = { servername: dispatcherServerName, certificate: certificates.dispatcher };
      await assert.rejects(statusOf(executorUrl, authority, wrong), /altnames/);
    });
  });
});

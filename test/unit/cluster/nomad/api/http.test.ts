import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openNomadApi } from '../../../../../service/cluster/nomad/api/open.ts';
import { readNomadConnection } from '../../../../../service/cluster/nomad/connection.ts';
import { type Reply, recorded, startFakeNomad, text } from './fake-nomad.ts';

const breaks: Reply = (response) => {
  response.destroy();
};
const noLeader = text(500, 'rpc error: No cluster leader');

test('sends token, namespace and region with every request', async () => {
  await using nomad = await startFakeNomad({
    env: { NOMAD_TOKEN: 'secret', NOMAD_NAMESPACE: 'apps', NOMAD_REGION: 'eu' },
  });
  nomad.reply('jobs', 'deregister', 'keys');
  await nomad.api.jobs.list('');
  await nomad.api.jobs.deregister('a');
  await nomad.api.cluster.keys();
  for (const { headers, query } of nomad.received) {
    assert.equal(headers['x-nomad-token'], 'secret');
    assert.equal(query.namespace, 'apps');
    assert.equal(query.region, 'eu');
  }
  assert.equal(nomad.received.length, 3);
});

test('sends neither token nor region where there is none', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('jobs');
  await nomad.api.jobs.list('x');
  assert.equal(nomad.received[0]?.headers['x-nomad-token'], undefined);
  assert.deepEqual(nomad.received[0]?.query, { namespace: 'default', prefix: 'x' });
});

test('keeps the path of an address behind a proxy', async () => {
  await using nomad = await startFakeNomad();
  const api = openNomadApi(readNomadConnection({ NOMAD_ADDR: `${nomad.address}/nomad/` }));
  nomad.reply('nodes');
  await api.nodes.list();
  await api.close();
  assert.equal(nomad.received[0]?.path, '/nomad/v1/nodes');
});

test('reads the version and the leader', async () => {
  await using nomad = await startFakeNomad();
  // The two are asked at once and may come in any order.
  const reply: Reply = (response) => {
    const about = response.req.url?.startsWith('/v1/status/leader')
      ? '"127.0.0.1:4647"'
      : recorded('agent-self').text;
    response.end(about);
  };
  nomad.reply(reply, reply);
  assert.deepEqual(await nomad.api.cluster.self(), { version: '2.0.5', leader: '127.0.0.1:4647' });
});

test('reads the keys that workload identities are signed with', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply('keys');
  const { keys } = await nomad.api.cluster.keys();
  assert.equal(keys[0]?.kty, 'RSA');
  assert.equal(nomad.received[0]?.path, '/.well-known/jwks.json');
});

test('says what a token lacks, or that there is none', async () => {
  await using without = await startFakeNomad();
  without.reply('forbidden');
  await assert.rejects(without.api.allocations.list('a'), {
    name: 'NomadError',
    status: 403,
    message: /Permission denied\. NOMAD_TOKEN is not set/,
  });
  await using weak = await startFakeNomad({ env: { NOMAD_TOKEN: 'weak' } });
  weak.reply('unknown-token', text(403, 'ACL token not found'));
  await assert.rejects(weak.api.jobs.list(''), { status: 403, message: /list-jobs in namespace default/ });
  await assert.rejects(weak.api.jobs.list(''), { status: 403, message: /does not know NOMAD_TOKEN/ });
  assert.equal(weak.received.length, 2);
});

for (const [name, fails] of [
  ['the connection breaks', breaks],
  ['Nomad elects a leader', noLeader],
  ['too many ask', text(429, 'Too Many Requests')],
] as const) {
  test(`reads again where ${name}, twice`, async () => {
    await using nomad = await startFakeNomad();
    nomad.reply(fails, fails, 'nodes');
    assert.equal((await nomad.api.nodes.list()).length, 1);
    nomad.reply(fails, fails, fails, 'nodes');
    await assert.rejects(nomad.api.nodes.list(), { name: 'NomadError' });
    assert.equal(nomad.received.length, 6);
  });

  test(`does nothing twice where ${name}`, async () => {
    await using nomad = await startFakeNomad();
    const { jobs, variables, nodes } = nomad.api;
    const asks = [
      () => jobs.dispatch('a', { payload: '' }),
      () => jobs.register({ ID: 'a' }),
      () => jobs.deregister('a'),
      () => variables.put('a', {}, 0),
      () => variables.acquire('a', {}, { ttlMs: 1, delayMs: 1 }),
      () => nodes.drain('a', 1),
    ];
    for (const ask of asks) {
      nomad.reply(fails);
      await assert.rejects(ask(), { name: 'NomadError' });
    }
    assert.equal(nomad.received.length, asks.length);
  });
}

test('does not read again what Nomad refuses', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply(text(500, 'alloc lookup failed: index error: UUID must be 36 characters'));
  await assert.rejects(nomad.api.allocations.get('x'), { status: 500, message: /UUID must be/ });
  assert.equal(nomad.received.length, 1);
});

test('says that nothing listens, and where', async () => {
  const nomad = await startFakeNomad();
  const { address } = nomad;
  await nomad[Symbol.asyncDispose]();
  const api = openNomadApi(readNomadConnection({ NOMAD_ADDR: address }), { retryDelaysMs: [] });
  await assert.rejects(api.nodes.list(), (error: Error) => {
    assert.ok(error.message.includes(address));
    assert.match(error.message, /ECONNREFUSED.*NOMAD_ADDR/);
    return error.name === 'NomadError';
  });
  await api.close();
});

test('gives up an answer that does not come, or does not end', async () => {
  await using nomad = await startFakeNomad({ times: { timeoutMs: 100 } });
  nomad.reply(
    () => {},
    (response) => {
      response.write('[');
    },
  );
  const late = { name: 'NomadError', message: /did not answer GET \/v1\/nodes within 0\.1 s/ };
  await assert.rejects(nomad.api.nodes.list(), late);
  await assert.rejects(nomad.api.nodes.list(), late);
});

test('tells what is not Nomad, and what has another shape', async () => {
  await using nomad = await startFakeNomad();
  nomad.reply(text(200, '<html>'), text(200, '[{"ID":1}]'), text(400, ''));
  await assert.rejects(nomad.api.nodes.list(), { name: 'NomadError', message: /no JSON/ });
  await assert.rejects(nomad.api.nodes.list(), { name: 'NomadError', message: /unknown shape \(0\.ID/ });
  await assert.rejects(nomad.api.nodes.list(), { status: 400, message: /status 400/ });
});

test('breaks what is under way when it closes', async () => {
  await using nomad = await startFakeNomad();
  const asked = new Promise<void>((done) => nomad.reply(() => done()));
  const list = nomad.api.nodes.list();
  const rejected = assert.rejects(list, { name: 'NomadError' });
  await asked;
  await nomad.api.close();
  await rejected;
  await assert.rejects(nomad.api.nodes.list(), { name: 'NomadError', message: /closed/ });
});

test('has streams wait for no request and no request for streams', async () => {
  await using nomad = await startFakeNomad();
  const stop = new AbortController();
  const streams = Array.from({ length: 20 }, async () => {
    nomad.reply((response) => {
      response.write('{}\n');
    });
    for await (const _ of nomad.api.cluster.events(['Job'], 0, stop.signal));
  });
  while (nomad.received.length < 20) await new Promise(setImmediate);
  nomad.reply('nodes');
  assert.equal((await nomad.api.nodes.list()).length, 1);
  stop.abort();
  await Promise.all(streams);
});

test('speaks over a unix socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-nomad-'));
  try {
    await using nomad = await startFakeNomad({ socketPath: join(folder, 'api.sock') });
    nomad.reply('nodes');
    assert.equal((await nomad.api.nodes.list()).length, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0;
  } catch {
    return false;
  }
})();

test('speaks TLS both ways', { skip: !hasOpenssl && 'no openssl on PATH' }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-nomad-'));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const made = ['-keyout', keyFile, '-out', certFile, '-nodes', '-days', '2', '-subj', '/CN=nomad'];
  const named = ['-addext', 'subjectAltName=DNS:server.global.nomad'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...made, ...named], { stdio: 'pipe' });
  const cert = readFileSync(certFile, 'utf8');
  const tls = { cert, key: readFileSync(keyFile, 'utf8'), ca: cert, requestCert: true };
  const client = { NOMAD_CLIENT_CERT: certFile, NOMAD_CLIENT_KEY: keyFile };
  const good = { NOMAD_CACERT: certFile, NOMAD_TLS_SERVER_NAME: 'server.global.nomad', ...client };
  const lists = async (env: Record<string, string>): Promise<number> => {
    await using nomad = await startFakeNomad({ tls: { ...tls, rejectUnauthorized: true }, env });
    nomad.reply('nodes');
    return (await nomad.api.nodes.list()).length;
  };
  try {
    assert.equal(await lists(good), 1);
    assert.equal(await lists({ ...client, NOMAD_SKIP_VERIFY: 'true' }), 1);
    await assert.rejects(lists(client), /self-signed certificate.*NOMAD_CACERT/);
    await assert.rejects(lists({ ...client, NOMAD_CACERT: certFile }), /NOMAD_TLS_SERVER_NAME/);
    await assert.rejects(lists({ NOMAD_SKIP_VERIFY: 'true' }), { name: 'NomadError' });
    const capath = join(folder, 'authorities');
    execFileSync('mkdir', [capath]);
    execFileSync('cp', [certFile, capath]);
    assert.equal(await lists({ ...good, NOMAD_CACERT: '', NOMAD_CAPATH: capath }), 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('lists every file of TLS that it cannot read', () => {
  const missing = readNomadConnection({
    NOMAD_ADDR: 'https://127.0.0.1:4646',
    NOMAD_CACERT: '/none/ca.pem',
    NOMAD_CLIENT_CERT: '/none/cert.pem',
    NOMAD_CLIENT_KEY: '/none/key.pem',
  });
  assert.throws(() => openNomadApi(missing), {
    name: 'NomadConnectionError',
    message: /NOMAD_CACERT: .*\nNOMAD_CLIENT_CERT: .*\nNOMAD_CLIENT_KEY: /,
  });
});

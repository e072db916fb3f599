import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openImageStore } from '../../service/images/store.ts';
import { execute, stream } from '../harness/client.ts';
import {
  type ImageRegistry,
  missingTools,
  type RegistryProxy,
  startProxy,
  startRegistry,
} from '../harness/image-registry.ts';
import { digestOf, type LayerData, makeLayer, type TarMember, writeLayout } from '../harness/oci-image.ts';
import { type Service, startService } from '../harness/start-service.ts';
import { waitFor } from '../harness/wait-for.ts';

const missing =
  (await missingTools('docker-registry', 'skopeo', 'umoci', 'bwrap', 'flock', 'ldd')) ||
  (process.getuid?.() !== 0 && 'not root');

/** This machine's own shell with what it is linked against: the smallest image that has a toolchain. */
const shellMembers = (): TarMember[] => {
  const said = execFileSync('ldd', ['/bin/bash'], { encoding: 'utf8' });
  const libraries = [...said.matchAll(/(\/\S+)\s+\(0x/g)].flatMap(([, path]) => path ?? []);
  const names = ['/usr/bin/bash', ...libraries].map((path) => path.slice(1));
  const folders = new Set(
    names.flatMap((name) =>
      name
        .split('/')
        .slice(0, -1)
        .map((_, depth, parts) => parts.slice(0, depth + 1).join('/')),
    ),
  );
  return [
    ...[...folders].sort().map((name) => ({ name: `${name}/`, type: '5', mode: 0o755 })),
    ...names.map((name) => ({ name, mode: 0o755, content: readFileSync(realpathSync(`/${name}`)) })),
  ];
};

const ask = {
  runtime: 'bash',
  code: 'read -r line < /marker; echo "$line $COLOUR $BASH_VERSION"; ls / 2>&1; true',
} as const;

describe('an image that a request names', { skip: missing }, () => {
  let folder = '';
  let registry: ImageRegistry;
  let proxy: RegistryProxy;
  let service: Service;
  let shell: TarMember[] = [];
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-custom-'));
    // Sandboxes have users of their own, who have to get to the roots.
    chmodSync(folder, 0o755);
    shell = shellMembers();
    registry = await startRegistry();
    proxy = await startProxy(registry.host);
    service = await startService({
      env: {
        PADDOCK_IMAGE_STORE: join(folder, 'store'),
        PADDOCK_ALLOWED_IMAGES: `${proxy.host}/team`,
        PADDOCK_WARM_MEMORY_MB: '64',
        // The smallest room, so that whatever waits in somebody's place is noticed.
        PADDOCK_MAX_RUNNING: '1',
      },
    });
  });
  after(async () => {
    await service.stop();
    await proxy.stop();
    await registry.stop();
    rmSync(folder, { recursive: true });
  });

  /** An image with the shell in it and one file of its own, in the registry. */
  const publish = async (
    name: string,
    members: readonly TarMember[] = shell,
    env?: readonly string[],
  ): Promise<{ image: string; own: LayerData }> => {
    const own = makeLayer([{ name: 'marker', content: `${name}\n` }]);
    const layout = join(folder, `layout-${name}`);
    const digest = writeLayout(layout, { layers: [makeLayer(members), own], ...(env && { env }) });
    await registry.push(layout, `team/${name}:1`);
    return { image: `${proxy.host}/team/${name}@${digest}`, own };
  };

  test('is pulled on first use, is the whole root, and is cached', async () => {
    const { image } = await publish('first');
    const ran = await execute(service.url, { ...ask, image });
    assert.ok(ran.ok, JSON.stringify(ran));
    const { run, version } = ran.result;
    assert.equal(run?.stdout.split('\n')[0]?.split('(')[0], `first blue ${version}`, JSON.stringify(run));
    // The program's own shell has no ls: nothing of the host's /usr is there.
    assert.match(run?.stdout ?? '', /ls: (command )?not found/);
    assert.equal(ran.result.image, image);
    const asked = proxy.asked.length;
    const again = await execute(service.url, { ...ask, image });
    assert.equal(again.ok && again.result.run?.outcome, 'ok');
    assert.equal(proxy.asked.length, asked, 'the second execution asks the registry for nothing');
  });

  test('is downloaded once for several who ask at the same time', async () => {
    const { image, own } = await publish('together');
    const all = await Promise.all(Array.from({ length: 4 }, () => execute(service.url, { ...ask, image })));
    assert.deepEqual(
      all.map((ran) => ran.ok && ran.result.run?.stdout.startsWith('together')),
      [true, true, true, true],
    );
    assert.equal(proxy.asked.filter((digest) => digest === digestOf(own.data)).length, 1);
  });

  test('that takes long is told of as image-pulling, and is there for who comes again', async () => {
    const { image, own } = await publish('slow');
    const hold = Promise.withResolvers<void>();
    proxy.cut = { digest: digestOf(own.data), when: () => hold.promise };
    const events = stream(service.url, { ...ask, image });
    let pulling: unknown;
    for await (const { event, data } of events) {
      if (event !== 'image-pulling') continue;
      pulling = data;
      break;
    }
    assert.equal((pulling as { image?: string }).image, image);
    const late = await execute(service.url, { ...ask, image, deadlineMs: 800 });
    assert.ok(!late.ok);
    assert.deepEqual([late.status, late.problem.code], [503, 'image-pulling']);
    assert.ok(Number(late.headers.get('retry-after')) >= 1);
    // What waits for an image takes nobody's place.
    const other = await execute(service.url, { runtime: 'bash', code: 'echo here' });
    assert.equal(other.ok && other.result.run?.stdout, 'here\n');
    proxy.cut = undefined;
    hold.resolve();
    await waitFor(
      async () => {
        const ran = await execute(service.url, { ...ask, image });
        return ran.ok && ran.result.run?.stdout.startsWith('slow');
      },
      { what: 'the image to be there after all', timeoutMs: 20_000 },
    );
  });

  test('that cannot be had is refused with the reason', async () => {
    const { image } = await publish('refused');
    const none = image.replace(/[0-9a-f]{64}$/, '0'.repeat(64));
    const absent = await execute(service.url, { ...ask, image: none });
    assert.ok(!absent.ok);
    assert.deepEqual([absent.status, absent.problem.code], [422, 'image-unavailable']);
    // It is in the store under another name; who only knows its digest must not get it.
    assert.ok((await execute(service.url, { ...ask, image })).ok);
    const taken = await execute(service.url, { ...ask, image: image.replace('/refused@', '/mine@') });
    assert.deepEqual([taken.ok, !taken.ok && taken.problem.code], [false, 'image-unavailable']);
    const elsewhere = await execute(service.url, { ...ask, image: image.replace('/team/', '/other/') });
    assert.deepEqual([elsewhere.ok, !elsewhere.ok && elsewhere.problem.code], [false, 'image-not-allowed']);
  });

  test('has no say in what runs on the host: its variables reach programs inside alone', async () => {
    // Stands for a file of another image of the same tenant, whose place in the store can be told in advance.
    const library = join(folder, 'evil.so');
    const traces = join(folder, 'traces');
    mkdirSync(traces, { mode: 0o777 });
    chmodSync(traces, 0o777);
    const source = join(folder, 'evil.c');
    writeFileSync(
      source,
      `#include <fcntl.h>\n__attribute__((constructor)) static void run(void) { open("${traces}/ran", O_CREAT | O_WRONLY, 0644); }\n`,
    );
    execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source]);
    execFileSync('/bin/true', { env: { LD_PRELOAD: library } });
    assert.deepEqual(readdirSync(traces), ['ran'], 'the library shows where it is loaded');
    rmSync(join(traces, 'ran'));
    const { image } = await publish('preload', shell, [
      'PATH=/usr/bin',
      `LD_PRELOAD=${library}`,
      'COLOUR=red',
    ]);
    const ran = await execute(service.url, { ...ask, image });
    assert.ok(ran.ok, JSON.stringify(ran));
    assert.match(ran.result.run?.stdout ?? '', /^preload red /);
    assert.deepEqual(readdirSync(traces), []);
  });

  test('without the toolchain says so, and a program of its own cannot play one outside a sandbox', async () => {
    const { image: empty } = await publish('empty', [{ name: 'usr/', type: '5', mode: 0o755 }]);
    const ran = await execute(service.url, { ...ask, image: empty });
    assert.ok(!ran.ok);
    assert.deepEqual([ran.status, ran.problem.code], [422, 'image-unavailable']);
    assert.match(ran.problem.detail ?? '', /not in the image/);
    // What answers the probe is the image's: it must not get out, and what it writes must not be anywhere.
    const attempt =
      '#!/usr/bin/bash\necho owned > /marker; echo owned > /tmp/paddock-probe-was-here; echo version 9.9.9';
    const evil = shell.map((member) =>
      member.name === 'usr/bin/bash' ? { ...member, name: 'usr/bin/real' } : member,
    );
    const script = {
      name: 'usr/bin/bash',
      mode: 0o755,
      content: attempt.replace('/usr/bin/bash', '/usr/bin/real'),
    };
    const { image } = await publish('evil', [...evil, script]);
    const played = await execute(service.url, { ...ask, image });
    assert.ok(played.ok, JSON.stringify(played));
    assert.equal(played.result.version, '9.9.9');
    assert.equal(readdirSync('/tmp').includes('paddock-probe-was-here'), false);
    const stored = openImageStore(join(folder, 'store')).find(image.slice(image.indexOf('@') + 1));
    assert.equal(readFileSync(join(stored?.root ?? '', 'marker'), 'utf8'), 'evil\n');
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from '@cdktn/hcl2json';
import { type DebianRoot, execute, makeDebianRoot, missingTools } from '../harness/debian-root.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(project, 'scripts/provision');
const scripts = readdirSync(folder).filter((name) => name.endsWith('.sh'));
/** What serves `scripts/start` too, or one machine only: not told by variables. */
const helpers = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.includes('.'))
  .map(({ name }) => name);
const inRoot = (name: string): string => `/srv/paddock/scripts/provision/${name}`;

test('every script is clean for shellcheck', { skip: missingTools('shellcheck') }, () => {
  const files = [...scripts, ...helpers].join(' ');
  const { status, said } = execute(['sh', '-c', `cd "$0" && shellcheck -x ${files}`, folder]);
  assert.equal(status, 0, said);
});

test('the Vagrantfile is valid for Vagrant', { skip: missingTools('vagrant') }, (t) => {
  const home = mkdtempSync(join(tmpdir(), 'paddock-vagrant-'));
  t.after(() => rmSync(home, { recursive: true }));
  const { status, stdout, stderr } = spawnSync('vagrant', ['validate', '--ignore-provider'], {
    cwd: project,
    encoding: 'utf8',
    env: {
      ...process.env,
      VAGRANT_HOME: home,
      VAGRANT_DOTFILE_PATH: join(home, 'dot'),
      VAGRANT_CHECKPOINT_DISABLE: '1',
    },
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /validated successfully/);
});

test('every script explains itself and refuses what it does not know', () => {
  for (const name of scripts) {
    const help = execute([join(folder, name), '--help']);
    assert.equal(help.status, 0, name);
    assert.match(help.said, /Variables/, name);
    const unknown = execute([join(folder, name), '--unknown']);
    assert.equal(unknown.status, 2, name);
    assert.match(unknown.said, /what is --unknown\?/, name);
  }
  for (const name of helpers) {
    const help = execute([join(folder, name), '--help']);
    assert.equal(help.status, 0, name);
    assert.match(help.said, /^[A-Z].+\./m, name);
    assert.doesNotMatch(help.said, /^#!/m, name);
  }
});

const skip = missingTools('mmdebstrap', 'bwrap', 'rsync', 'tar');

describe('in a fresh Debian', { skip }, () => {
  let root: DebianRoot;
  const text = (path: string): string => readFileSync(join(root.folder, path), 'utf8');
  const enabled = (unit: string): string => root.run(['systemctl', 'is-enabled', unit]).said.trim();
  /** The scripts that have run here; the last test compares them with those there are. */
  const ran = new Set<string>();
  const provision = (name: string, env: Record<string, string> = {}): string => {
    ran.add(name);
    const { status, said } = root.run([inRoot(name)], env);
    assert.equal(status, 0, said);
    for (const [, part = ''] of said.matchAll(/^([a-z-]+): (?:done, \d+ changes|nothing to do)$/gm))
      ran.add(`${part}.sh`);
    return said;
  };
  const refused = (name: string, why: RegExp, env: Record<string, string> = {}): void => {
    const { status, said } = root.run([inRoot(name)], env);
    assert.equal(status, 1, said);
    assert.match(said, why);
  };
  const node = {
    NOMAD_BINARY: '/opt/test/nomad',
    NOMAD_SERVERS: '10.0.0.5 10.0.0.6',
    NOMAD_META: 'rack=b fpga=true',
    PADDOCK_SERVICE: 'yes',
    PADDOCK_ENVIRONMENT: 'PADDOCK_PORT=7070',
    METADATA_USERS: 'root daemon',
  };

  before(() => {
    root = makeDebianRoot();
    mkdirSync(join(root.folder, 'opt/test'));
    // What a Nomad says of itself is all that is asked of it here.
    writeFileSync(join(root.folder, 'opt/test/nomad'), '#!/bin/sh\necho "Nomad v2.0.5"\n');
    chmodSync(join(root.folder, 'opt/test/nomad'), 0o755);
  });
  after(() => root?.remove());

  test('node.sh makes a client, and changes nothing the second time', () => {
    assert.match(provision('node.sh', node), /this machine is a node: client, plain/);
    const folders = ['etc', 'usr/local', 'opt/paddock/scripts', 'var/lib/nomad'];
    const first = root.listing(folders);
    const said = provision('node.sh', node);
    assert.doesNotMatch(said, /done, \d+ changes/);
    assert.deepEqual([...root.listing(folders)], [...first]);
  });

  test('its units start at boot', () => {
    for (const unit of [
      'nomad',
      'paddock',
      'paddock-hardware',
      'paddock-firewall',
      'unattended-upgrades',
      'systemd-timesyncd',
    ]) {
      assert.equal(enabled(`${unit}.service`), 'enabled', unit);
    }
    const units = ['nomad', 'paddock', 'paddock-hardware', 'paddock-firewall'].map(
      (unit) => `${unit}.service`,
    );
    const { said } = root.run(['systemd-analyze', 'verify', ...units]);
    assert.doesNotMatch(said, /nomad|paddock/);
  });

  test('sshd takes no passwords and no root', () => {
    mkdirSync(join(root.folder, 'run/sshd'), { recursive: true });
    const { status, said } = root.run(['sh', '-c', 'mkdir -p /run/sshd && sshd -T']);
    assert.equal(status, 0, said);
    for (const line of [
      'permitrootlogin no',
      'passwordauthentication no',
      'kbdinteractiveauthentication no',
    ]) {
      assert.match(said, new RegExp(`^${line}$`, 'm'));
    }
  });

  test('its kernel settings, cgroups and limits are written', () => {
    const settings = text('etc/sysctl.d/60-paddock.conf') + text('etc/sysctl.d/61-paddock-harden.conf');
    for (const line of [
      'user.max_user_namespaces = 65536',
      'kernel.kptr_restrict = 2',
      'kernel.dmesg_restrict = 1',
      '-kernel.kexec_load_disabled = 1',
      'fs.suid_dumpable = 0',
    ]) {
      assert.ok(settings.split('\n').includes(line), line);
    }
    assert.match(text('etc/systemd/system/nomad.service.d/20-delegate.conf'), /Delegate=yes/);
    assert.match(text('etc/systemd/journald.conf.d/60-paddock.conf'), /SystemMaxUse=1G/);
    assert.match(text('etc/fstab'), /^tmpfs \/dev\/shm tmpfs nosuid,nodev,noexec 0 0$/m);
  });

  test('a machine that boots an old hierarchy gets the unified one', () => {
    mkdirSync(join(root.folder, 'etc/default'), { recursive: true });
    writeFileSync(
      join(root.folder, 'etc/default/grub'),
      'GRUB_CMDLINE_LINUX="systemd.unified_cgroup_hierarchy=0"\n',
    );
    provision('cgroups.sh');
    assert.match(text('etc/default/grub.d/60-paddock-cgroups.cfg'), /unified_cgroup_hierarchy=1/);
    assert.match(provision('cgroups.sh'), /nothing to do/);
  });

  test('its sandboxes can be made: bubblewrap, the launcher, gVisor', () => {
    for (const path of [
      'usr/bin/bwrap',
      'usr/bin/gcc',
      'usr/bin/runsc',
      'opt/paddock/.build/paddock-launch',
    ]) {
      assert.ok(existsSync(join(root.folder, path)), path);
    }
    const { status, said } = root.run(['paddock', '--version']);
    assert.equal(status, 0, said);
  });

  test('Nomad is told its servers, its meta and its class, and no client is left in a server', async () => {
    const client: unknown = await parse('client.hcl', text('etc/nomad.d/client.hcl'));
    const config = JSON.stringify(client);
    assert.match(config, /"retry_join":\["10\.0\.0\.5","10\.0\.0\.6"\]/);
    assert.match(config, /"meta":\[\{"fpga":"true","rack":"b"\}\]/);
    assert.match(
      JSON.stringify(await parse('node.hcl', text('etc/nomad.d/node.hcl'))),
      /"node_class":"plain"/,
    );
    writeFileSync(join(root.folder, 'opt/test/gossip'), 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n');
    const said = provision('nomad.sh', {
      ...node,
      NOMAD_ROLE: 'server',
      NOMAD_GOSSIP_KEY_FILE: '/opt/test/gossip',
    });
    assert.doesNotMatch(said, /c2Vjc/);
    assert.ok(!existsSync(join(root.folder, 'etc/nomad.d/client.hcl')));
    const server = JSON.stringify(await parse('server.hcl', text('etc/nomad.d/server.hcl')));
    assert.match(server, /"bootstrap_expect":2/);
    assert.match(text('etc/nomad.d/gossip.hcl'), /encrypt = "c2VjcmV0/);
    assert.match(text('etc/systemd/system/nomad.service'), /^User=nomad$/m);
    refused('nomad.sh', /has the SHA256 sum/, {
      NOMAD_ZIP_URL: '/opt/test/nomad',
      NOMAD_ZIP_SHA256: '0'.repeat(64),
    });
    refused('nomad.sh', /pairs like gpu=nvidia/, { ...node, NOMAD_META: 'gpu' });
  });

  test('the hardware is found before Nomad starts', () => {
    assert.match(text('etc/systemd/system/paddock-hardware.service'), /^Before=nomad.service$/m);
    const { status, said } = root.run([
      '/usr/local/libexec/paddock/detect-hardware',
      '--output',
      '/etc/nomad.d/hardware.hcl',
    ]);
    assert.equal(status, 0, said);
    assert.match(text('etc/nomad.d/hardware.hcl'), /^client \{/m);
  });

  test('the firewall keeps sandboxes off everything, and all but root off the metadata service', {
    skip: missingTools('nft', 'ip', 'curl', 'setpriv', 'python3'),
  }, () => {
    const asks = (address: string, uid: number): boolean => {
      const script = `
        ip link set lo up && ip address add 169.254.169.254/32 dev lo && nft -f "$RULES" && nft -f "$RULES" || exit 99
        python3 -c '
import socket, sys
server = socket.create_server(("0.0.0.0", 80))
print("listening", flush=True)
while True:
    client = server.accept()[0]
    client.recv(65536)
    client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nhello")
    client.close()
' > >(exec cat >"$READY") & server=$!
        trap 'kill $server' EXIT
        read -r _ <"$READY"
        setpriv --reuid "$ASKS" --clear-groups curl -s -m 2 "http://$ADDRESS/"`;
      const own = mkdtempSync(join(tmpdir(), 'paddock-firewall-'));
      const ready = join(own, 'ready');
      execute(['mkfifo', ready]);
      const { status, said } = execute(
        ['unshare', '--net', '--pid', '--fork', '--kill-child', 'bash', '--norc', '-c', script],
        {
          PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
          RULES: join(root.folder, 'etc/paddock/firewall.nft'),
          READY: ready,
          ASKS: String(uid),
          ADDRESS: address,
        },
      );
      rmSync(own, { recursive: true });
      assert.ok(status === 0 || status === 28, `${status}: ${said}`);
      return status === 0;
    };
    const first = 0x60000000;
    const last = first + 64 * 1024 - 1;
    const metadata = '169.254.169.254';
    assert.deepEqual(
      [0, 1, 1000, first, last].map((uid) => asks(metadata, uid)),
      [true, true, false, false, false],
    );
    assert.deepEqual(
      [1000, first, last, last + 1].map((uid) => asks('127.0.0.1', uid)),
      [true, false, false, true],
    );
    refused('firewall.sh', /no user here/, { METADATA_USERS: 'nobody-of-that-name' });
    refused('firewall.sh', /no network/, { CLUSTER_NETWORKS: 'everywhere' });
  });

  test('Debian has the driver that the class gpu asks for, and nothing is done for others', () => {
    assert.match(provision('gpu.sh'), /nothing to do/);
    const said = provision('gpu.sh', { HARDWARE_CLASS: 'gpu', GPU_PLAN: 'yes' });
    const [, line = ''] = /use the repository (.*)/.exec(said) ?? [];
    const [, packages = ''] = /would install (.*)/.exec(said) ?? [];
    assert.ok(!existsSync(join(root.folder, 'etc/apt/sources.list.d/paddock-non-free.list')));
    writeFileSync(join(root.folder, 'etc/apt/sources.list.d/plan.list'), `${line}\n`);
    const plan = root.run([
      'sh',
      '-c',
      `apt-get -qq update && apt-get -qq install --simulate --no-install-recommends ${packages}`,
    ]);
    rmSync(join(root.folder, 'etc/apt/sources.list.d/plan.list'));
    assert.equal(plan.status, 0, plan.said);
    assert.match(plan.said, /^Inst nvidia-kernel-dkms /m);
  });

  test('Node and npm come from an archive with the right sum', () => {
    const modules = '/opt/paddock/node_modules';
    const pack = `mkdir -p /opt/test/node/bin && cp ${modules}/node/bin/node /opt/test/node/bin/ &&
      printf '#!/usr/bin/env node\\nconsole.log("11.0.0")\\n' >/opt/test/node/bin/npm && chmod +x /opt/test/node/bin/npm &&
      tar -cf /opt/test/node.tar -C /opt/test node && sha256sum /opt/test/node.tar`;
    const [, sum = ''] = /^([0-9a-f]{64})/.exec(root.run(['sh', '-c', pack]).said) ?? [];
    refused('node-runtime.sh', /has the SHA256 sum/, {
      NODE_ARCHIVE: '/opt/test/node.tar',
      NODE_SHA256: '0'.repeat(64),
    });
    const archive = { NODE_ARCHIVE: '/opt/test/node.tar', NODE_SHA256: sum };
    assert.match(provision('node-runtime.sh', archive), /installed Node v24/);
    assert.match(provision('node-runtime.sh', archive), /nothing to do/);
    assert.match(root.run(['node', '--version']).said, /^v24/);
  });

  test('images are fetched by digest only', { skip: missingTools('skopeo', 'umoci') }, () => {
    writeFileSync(
      join(root.folder, 'opt/test/pins.yaml'),
      'images:\n  python: registry.invalid/python:latest\n',
    );
    refused('images.sh', /python is not pinned by a digest/, { IMAGES_PINS: '/opt/test/pins.yaml' });
    refused('images.sh', /give IMAGES_PINS or IMAGES_ARCHIVE/);
    const pack = `apt-get -qq install -y --no-install-recommends umoci skopeo >/dev/null 2>&1; cd /opt/test && mkdir archive &&
      umoci init --layout archive/tiny && umoci new --image archive/tiny:latest &&
      umoci unpack --image archive/tiny:latest bundle && cp /etc/debian_version bundle/rootfs/ &&
      umoci repack --image archive/tiny:latest bundle && umoci gc --layout archive/tiny`;
    const packed = root.run(['sh', '-c', pack]);
    assert.equal(packed.status, 0, packed.said);
    const index = text('opt/test/archive/tiny/index.json');
    const [, digest = ''] = /"digest":"(sha256:[0-9a-f]{64})"/.exec(index) ?? [];
    const pin = (hex: string, rest = ''): Record<string, string> => {
      writeFileSync(
        join(root.folder, 'opt/test/pins.yaml'),
        `images: # ours\n\n  tiny: registry.invalid/tiny@${hex}${rest}\n`,
      );
      return { IMAGES_PINS: '/opt/test/pins.yaml', IMAGES_ARCHIVE: '/opt/test/archive' };
    };
    refused('images.sh', /does not hold sha256:0000/, pin(`sha256:${'0'.repeat(64)}`));
    refused('images.sh', /cannot read " {2}tiny: registry.*, \{/, pin(digest, ', {'));
    // An index that only mentions the digest is not believed.
    const none = `sha256:${'0'.repeat(64)}`;
    const indexFile = join(root.folder, 'opt/test/archive/tiny/index.json');
    writeFileSync(indexFile, index.replace(/\}\s*$/, `,"annotations":{"note":"${none}"}}`));
    refused('images.sh', /tiny is sha256:[0-9a-f]{64}, and its pin asks for sha256:0000/, pin(none));
    writeFileSync(indexFile, index);
    assert.equal(existsSync(join(root.folder, 'var/lib/paddock/images/names/tiny')), false);
    assert.match(
      provision('images.sh', pin(digest, ' # the small one')),
      /fetched images[\s\S]*verified tiny/,
    );
    assert.equal(text('var/lib/paddock/images/names/tiny').trim(), digest);
    assert.match(provision('images.sh', pin(digest)), /nothing to do/);
  });

  test('the AppArmor profile is one that AppArmor takes', (t) => {
    const probe = 'profile probe /nonexistent flags=(unconfined) { userns, }';
    const parser = spawnSync('apparmor_parser', ['-QK'], { input: probe, encoding: 'utf8' });
    if (parser.status !== 0) return t.skip('needs apparmor_parser 4 or newer, which knows user namespaces');
    const profile = readFileSync(join(folder, 'files/apparmor-sandbox'), 'utf8').replaceAll(
      '@PADDOCK_HOME@',
      '/opt/paddock',
    );
    const { status, stderr } = spawnSync('apparmor_parser', ['-QK'], { input: profile, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });

  test('clean.sh takes out what is one machine only, and has to be meant', () => {
    refused('clean.sh', /say CLEAN_MACHINE=yes/);
    assert.match(provision('clean.sh', { CLEAN_MACHINE: 'yes' }), /removed ssh host keys/);
    assert.equal(text('etc/machine-id'), '');
    assert.deepEqual(
      readdirSync(join(root.folder, 'etc/ssh')).filter((name) => name.startsWith('ssh_host_')),
      [],
    );
    const lists = readdirSync(join(root.folder, 'var/lib/apt/lists'));
    assert.deepEqual(
      lists.filter((name) => name.endsWith('Packages') || name.endsWith('Release')),
      [],
    );
    assert.equal(enabled('paddock-host-keys.service'), 'enabled');
    assert.match(provision('clean.sh', { CLEAN_MACHINE: 'yes' }), /nothing to do/);
  });

  test('no script is without a test', () => {
    assert.deepEqual(
      scripts.filter((name) => !ran.has(name) && !(name === 'images.sh' && missingTools('skopeo', 'umoci'))),
      [],
    );
  });
});

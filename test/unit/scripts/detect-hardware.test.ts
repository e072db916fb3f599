import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from '@cdktn/hcl2json';
import { z } from 'zod';
import { temporaryFolder } from '../executor/temporary-folder.ts';

const script = fileURLToPath(new URL('../../../scripts/provision/detect-hardware', import.meta.url));

interface Machine {
  /** By vendor, class and device, as in sysfs. */
  readonly pci?: readonly (readonly [vendor: string, kind: string, device?: string])[];
  readonly devices?: readonly string[];
  /** Names of FPGA managers. */
  readonly managers?: readonly string[];
  readonly architecture?: string;
}

const put = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** A machine laid out in a folder. */
const layOut = (t: TestContext, { pci = [], devices = [], managers = [], architecture }: Machine) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'sys'));
  mkdirSync(join(root, 'dev'));
  for (const [index, [vendor, kind, device = '0x0001']] of pci.entries()) {
    const folder = join(root, `sys/bus/pci/devices/0000:0${index}:00.0`);
    put(join(folder, 'vendor'), `${vendor}\n`);
    put(join(folder, 'class'), `${kind}\n`);
    put(join(folder, 'device'), `${device}\n`);
  }
  for (const name of devices) put(join(root, 'dev', name), '');
  for (const [index, name] of managers.entries())
    put(join(root, `sys/class/fpga_manager/fpga${index}/name`), `${name}\n`);
  const roots = ['--sys', join(root, 'sys'), '--dev', join(root, 'dev')];
  const flags = [...roots, '--machine', architecture ?? 'x86_64'];
  return {
    root,
    run: (...more: string[]) =>
      spawnSync(script, [...flags, ...more], {
        encoding: 'utf8',
        // Before the real commands, so that a test can put its own nomad there.
        env: {
          ...process.env,
          PATH: `${join(root, 'bin')}:${process.env.PATH ?? ''}`,
          NOMAD_CALLS: join(root, 'calls'),
        },
      }),
  };
};

const snippetSchema = z.strictObject({
  client: z.tuple([z.strictObject({ meta: z.tuple([z.record(z.string(), z.string())]) })]),
});
const metaIn = async (text: string) =>
  snippetSchema.parse(await parse('hardware.hcl', text)).client[0].meta[0];

const detect = async (t: TestContext, machine: Machine) => {
  const { status, stdout, stderr } = layOut(t, machine).run();
  assert.equal(status, 0, stderr);
  return { meta: await metaIn(stdout), stderr };
};

const nvidia = ['0x10de', '0x030200'] as const;
const amd = ['0x1002', '0x038000'] as const;
const intelDisplay = ['0x8086', '0x030000'] as const;
const xilinx = ['0x10ee', '0x120000'] as const;

const machines: Record<string, readonly [Machine, Record<string, string>]> = {
  'a machine with nothing of note': [
    {
      pci: [
        ['0x1a03', '0x030000'],
        ['0x8086', '0x020000'],
      ],
      devices: ['null', 'dri/card0', 'dri/renderD128'],
    },
    {},
  ],
  'two NVIDIA GPUs beside the board that draws the console': [
    {
      pci: [nvidia, nvidia, ['0x10de', '0x040300'], ['0x1a03', '0x030000']],
      devices: ['nvidia0', 'nvidia1', 'nvidiactl', 'nvidia-uvm'],
    },
    { gpu: 'nvidia', gpu_count: '2' },
  ],
  'an NVIDIA GPU in a container that hides the bus': [
    { devices: ['nvidia0', 'nvidiactl'] },
    { gpu: 'nvidia', gpu_count: '1' },
  ],
  'AMD GPUs, by their common node': [
    { pci: [amd, amd], devices: ['kfd', 'dri/renderD128', 'dri/renderD129'] },
    { gpu: 'amd', gpu_count: '2' },
  ],
  'an Intel GPU': [
    { pci: [intelDisplay], devices: ['dri/renderD128'] },
    { gpu: 'intel', gpu_count: '1' },
  ],
  'GPUs of two vendors': [
    { pci: [nvidia, intelDisplay], devices: ['nvidia0', 'dri/renderD128'] },
    { gpu: 'intel,nvidia', gpu_count: '2' },
  ],
  'a Xilinx board, with a bridge that is no board': [
    { pci: [xilinx, ['0x10ee', '0x060400']] },
    { fpga: 'xilinx', fpga_count: '1' },
  ],
  'a Xilinx board known by its device only': [
    { devices: ['xdma0_user'] },
    { fpga: 'xilinx', fpga_count: '1' },
  ],
  'an Altera board': [{ pci: [['0x1172', '0x058000']] }, { fpga: 'intel', fpga_count: '1' }],
  "Intel's accelerator card, but not its accelerator for neural networks": [
    {
      pci: [
        ['0x8086', '0x120000', '0x0b30'],
        ['0x8086', '0x120000', '0x7d1d'],
      ],
    },
    { fpga: 'intel', fpga_count: '1' },
  ],
  'an FPGA in a system on a chip, on ARM': [
    { managers: ['Xilinx ZynqMP FPGA Manager'], architecture: 'aarch64' },
    { fpga: 'xilinx', fpga_count: '1', arm: 'arm64' },
  ],
  'a board that is on the bus and has a manager is one': [
    { pci: [xilinx], managers: ['Xilinx Versal FPGA Manager'] },
    { fpga: 'xilinx', fpga_count: '1' },
  ],
  'a manager that nobody knows': [{ managers: ['Something New'] }, { fpga: 'other', fpga_count: '1' }],
  'an older ARM machine': [{ architecture: 'armv7l' }, { arm: 'armv7' }],
};

for (const [name, [machine, meta]] of Object.entries(machines)) {
  test(`${name}: ${JSON.stringify(meta)}`, async (t) => {
    assert.deepEqual((await detect(t, machine)).meta, meta);
  });
}

test('a GPU whose driver is not loaded is told and left out', async (t) => {
  const { meta, stderr } = await detect(t, { pci: [nvidia], devices: ['dri/renderD128'] });
  assert.deepEqual(meta, {});
  assert.match(stderr, /NVIDIA.*driver is not loaded/);
});

test('the file is written whole, once, and again only when something has changed', async (t) => {
  const { root, run } = layOut(t, { pci: [nvidia], devices: ['nvidia0'] });
  const path = join(root, 'config/hardware.hcl');
  mkdirSync(dirname(path));
  assert.equal(run('--output', path).status, 0);
  assert.equal((await metaIn(readFileSync(path, 'utf8'))).gpu, 'nvidia');
  const before = statSync(path);
  assert.match(run('--output', path).stderr, /as it should be/);
  assert.equal(statSync(path).ino, before.ino);

  put(join(root, 'dev/xdma0_user'), '');
  assert.match(run('--output', path).stderr, /is written/);
  assert.notEqual(statSync(path).ino, before.ino);
  assert.equal((await metaIn(readFileSync(path, 'utf8'))).fpga, 'xilinx');
  assert.deepEqual(readdirSync(dirname(path)), ['hardware.hcl']);
  assert.equal(statSync(path).mode & 0o777, 0o644);
});

test('a folder that is not there is said, and nothing is left behind', (t) => {
  const { root, run } = layOut(t, {});
  const { status, stderr } = run('--output', join(root, 'nowhere/hardware.hcl'));
  assert.equal(status, 1);
  assert.match(stderr, /cannot write beside/);
});

test('--apply sets what is there and takes out what is not', (t) => {
  const { root, run } = layOut(t, { pci: [nvidia], devices: ['nvidia0'] });
  const nomad = join(root, 'bin/nomad');
  put(nomad, '#!/bin/sh\nprintf "%s\\n" "$*" >>"$NOMAD_CALLS"\n');
  spawnSync('chmod', ['+x', nomad]);
  const { status, stdout, stderr } = run('--apply');
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '');
  const calls = readFileSync(join(root, 'calls'), 'utf8');
  assert.equal(calls, 'node meta apply -unset fpga,fpga_count,arm gpu=nvidia gpu_count=1\n');
});

test('a nomad that fails is not hidden', (t) => {
  const { root, run } = layOut(t, {});
  put(join(root, 'bin/nomad'), '#!/bin/sh\nexit 3\n');
  spawnSync('chmod', ['+x', join(root, 'bin/nomad')]);
  assert.notEqual(run('--apply').status, 0);
});

test('a mistake in the command line is told before anything is done', (t) => {
  const { root, run } = layOut(t, {});
  assert.equal(run('--output').status, 2);
  assert.equal(run('--aply').status, 2);
  assert.equal(existsSync(join(root, 'calls')), false);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

/*
 * The templates of node images, as far as no cloud is needed: their form, that Packer's builders take every setting, and
 * that what they run on the node is there. scripts/test-node-image bakes one.
 */
const root = join(import.meta.dirname, '../..');
const folder = join(root, 'packer');
const baseDisk = join(root, 'scripts/images/base-disk');
const sources = ['amazon-ebs.node', 'googlecompute.node', 'azure-arm.node', 'qemu.node'];
const variableFiles = readdirSync(join(folder, 'variables'));

interface Answer {
  readonly status: number | null;
  readonly output: string;
}

/** Nothing of the machine's clouds gets in: the templates are valid without credentials. */
const run = (command: string, ...args: string[]): Answer => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
    env: { PATH: process.env.PATH, HOME: '/nonexistent', CHECKPOINT_DISABLE: '1' },
  });
  return { status, output: `${stdout}${stderr}` };
};

const succeeds = ({ status, output }: Answer): void => assert.equal(status, 0, output);

const missing = run('packer', 'version').status === 0 ? false : 'packer is not installed';

describe('packer templates', { skip: missing }, () => {
  for (const part of ['.', 'variables', 'plugins']) {
    test(`are formatted: ${part}`, () => {
      succeeds(run('packer', 'fmt', '-check', join(folder, part)));
    });
  }

  for (const file of variableFiles) {
    for (const source of sources) {
      test(`${source} takes ${file}`, () => {
        const variables = join(folder, 'variables', file);
        succeeds(run('packer', 'validate', `-only=${source}`, `-var-file=${variables}`, folder));
      });
    }
  }

  test('a version is asked for', () => {
    const { status, output } = run('packer', 'validate', '-only=qemu.node', folder);
    assert.notEqual(status, 0);
    assert.match(output, /image_version/);
  });

  test('a name that no variable has is refused', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'paddock-packer-'));
    try {
      const variables = join(scratch, 'mistyped.pkrvars.hcl');
      writeFileSync(variables, 'image_version = 1\nhardware_clas = "gpu"\n');
      const { output } = run('packer', 'validate', '-only=qemu.node', `-var-file=${variables}`, folder);
      assert.match(output, /hardware_clas\b/);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});

describe('what packer runs', () => {
  const build = readFileSync(join(folder, 'sandbox-node.pkr.hcl'), 'utf8');

  test('every script of Paddock that is named can be run', () => {
    const named = [...build.matchAll(/scripts\/[\w./-]+\.sh/g)].map(([path]) => path);
    assert.deepEqual(new Set(named), new Set(['scripts/provision/node.sh', 'scripts/provision/clean.sh']));
    for (const path of named) accessSync(join(root, path), constants.X_OK);
  });

  test('each class of hardware has a file of variables that names it', () => {
    for (const hardware of ['plain', 'gpu', 'fpga', 'arm']) {
      const text = readFileSync(join(folder, 'variables', `${hardware}.pkrvars.hcl`), 'utf8');
      assert.match(text, new RegExp(`^hardware_class = "${hardware}"$`, 'm'));
    }
  });

  test('plugins are asked for only where the oldest packer does not look', () => {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.pkr.hcl'))) {
      assert.doesNotMatch(readFileSync(join(folder, file), 'utf8'), /required_plugins/, file);
    }
    assert.match(readFileSync(join(folder, 'plugins/required.pkr.hcl'), 'utf8'), /required_plugins/);
  });
});

describe('scripts/images/base-disk', () => {
  test('explains itself', () => {
    const { status, output } = run(baseDisk, '--help');
    assert.equal(status, 0);
    assert.match(output, /Usage: base-disk --ssh-key FILE/);
  });

  const refusals: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no key', [], /--ssh-key is missing/],
    ['a key that is not there', ['--ssh-key', '/nonexistent/key.pub'], /cannot be read/],
    ['a file that is no key', ['--ssh-key', join(root, 'package.json')], /is no public ssh key/],
    ['an option without a value', ['--size'], /--size needs a value/],
    ['an unknown option', ['--password', 'x'], /unknown argument: --password/],
  ];
  for (const [what, args, message] of refusals) {
    test(`refuses ${what}`, () => {
      const { status, output } = run(baseDisk, ...args);
      assert.equal(status, 1, output);
      assert.match(output, message);
    });
  }

  test('refuses a private key, a size and a login that are none', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'paddock-base-disk-'));
    try {
      const key = join(scratch, 'key');
      succeeds(run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key));
      assert.match(run(baseDisk, '--ssh-key', key).output, /is no public ssh key/);
      assert.match(run(baseDisk, '--ssh-key', `${key}.pub`, '--size', 'big').output, /--size big is no size/);
      assert.match(
        run(baseDisk, '--ssh-key', `${key}.pub`, '--user', 'root').output,
        /--user root is no name/,
      );
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});

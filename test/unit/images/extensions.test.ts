import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chooseRuntime } from '../../../service/cli/run/choose-runtime.ts';
import { defaultLimits, type RuntimeInfo, type RuntimeManifest } from '../../../service/contracts/index.ts';
import { loadManifests } from '../../../service/executor/runtimes/load.ts';

const images = join(dirname(fileURLToPath(import.meta.url)), '../../../images');

/** As a service tells it whose toolchains all work; `version` is what each toolchain says of itself. */
const told = (manifest: RuntimeManifest, version: string): RuntimeInfo => ({
  ...manifest,
  version,
  toolchain: version,
  available: true,
  compiled: manifest.compile !== undefined,
  startedAhead: manifest.run.warm !== undefined,
  limits: defaultLimits,
});

const expected = {
  'query.sql': 'sqlite',
  'query.pg.sql': 'postgresql',
  'query.my.sql': 'mariadb',
  'main.py': 'python',
  'notes.ipynb': 'jupyter',
  'Main.java': 'java',
  'pom.xml': 'java-maven',
};

test('a file goes to the plain runtime of its language, whatever the versions of the others', () => {
  const manifests = loadManifests(images).map(({ manifest }) => manifest);
  for (const [file, name] of Object.entries(expected)) {
    const runtimes = manifests.map((manifest) => told(manifest, manifest.name === name ? '1.0' : '9.0'));
    assert.equal(chooseRuntime(file, runtimes).name, name, file);
  }
});

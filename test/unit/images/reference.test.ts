import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parsePins, writePins } from '../../../service/images/pins.ts';
import {
  formatReference,
  isLoopback,
  parseReference,
  transportAddress,
} from '../../../service/images/reference.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

describe('references of images', () => {
  test('name a registry, a repository, and a tag or a digest', () => {
    assert.deepEqual(parseReference('docker.io/library/debian:bookworm-slim'), {
      kind: 'registry',
      host: 'docker.io',
      repository: 'library/debian',
      tag: 'bookworm-slim',
    });
    assert.deepEqual(parseReference(`localhost:5000/a/b:1@${digest}`), {
      kind: 'registry',
      host: 'localhost:5000',
      repository: 'a/b',
      tag: '1',
      digest,
    });
    assert.deepEqual(parseReference('oci:made/here:v1', '/srv'), {
      kind: 'layout',
      folder: '/srv/made/here',
      tag: 'v1',
    });
  });

  test('a digest goes before a tag where skopeo is asked', () => {
    const reference = parseReference(`localhost:5000/a:1@${digest}`);
    assert.equal(transportAddress(reference), `docker://localhost:5000/a@${digest}`);
    assert.equal(formatReference(parseReference('ghcr.io/a')), 'ghcr.io/a:latest');
  });

  for (const [text, why] of [
    ['debian', /begins with a registry/],
    ['library/debian:12', /begins with a registry/],
    ['docker.io/Library/debian', /not a repository/],
    ['docker.io/a/../b', /not a repository/],
    ['docker.io/a@sha256:12', /64 hexadecimal/],
    ['docker.io/a:b:c', /not a tag/],
    ['docker.io/a:--help', /not a tag/],
    ['-x.io/a', /not a registry/],
    ['oci:', /folder/],
  ] as const) {
    test(`refuses ${text}`, () => assert.throws(() => parseReference(text), why));
  }

  test('only this machine is reached without TLS', () => {
    for (const host of ['localhost', 'localhost:5000', '127.0.0.1:80', '[::1]:5000'])
      assert.ok(isLoopback(host));
    for (const host of ['127.0.0.1.example.com', 'localhost.example.com', '128.0.0.1'])
      assert.ok(!isLoopback(host));
  });
});

describe('the file of pinned images', () => {
  test('lists every fault', () => {
    const text = `images:\n  python: docker.io/a:1\n  Bad: docker.io/a@${digest}\n  c: nothing\nmore: 1\n`;
    assert.throws(
      () => parsePins(text, 'images.yaml'),
      (error: Error) => {
        assert.match(error.message, /images\.python: is not pinned/);
        assert.match(error.message, /images\.Bad/);
        assert.match(error.message, /images\.c: .*begins with a registry/);
        assert.match(error.message, /more/);
        return true;
      },
    );
  });

  test('keeps what it had when pins are added, also by several at once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-pins-'));
    try {
      const file = join(folder, 'images.yaml');
      await writePins(file, { python: `docker.io/p@${digest}` });
      await writePins(file, { cpp: `docker.io/c@${digest}` });
      assert.deepEqual(parsePins(readFileSync(file, 'utf8'), file).images, {
        cpp: `docker.io/c@${digest}`,
        python: `docker.io/p@${digest}`,
      });
      const many = Array.from({ length: 20 }, (_, n) => `image${n}`);
      await Promise.all(many.map((name) => writePins(file, { [name]: `docker.io/${name}@${digest}` })));
      assert.equal(Object.keys(parsePins(readFileSync(file, 'utf8'), file).images).length, 22);
      await assert.rejects(writePins(join(folder, 'none', 'images.yaml'), {}), /there is no folder/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

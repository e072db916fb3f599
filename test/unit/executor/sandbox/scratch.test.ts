import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { NOT_REGULAR, openScratch, type Scratch } from '../../../../service/executor/sandbox/scratch.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const PLENTY = { maxFiles: 1_000, maxBytes: 1_000_000 };
const SECRET = 'a secret of the host';

interface Opened {
  /** What the program sees as /work. */
  readonly work: string;
  /** A file outside that no link may lead to. */
  readonly secret: string;
  readonly scratch: Scratch;
}

const opened = (context: TestContext): Opened => {
  const folder = temporaryFolder(context);
  const work = join(folder, 'work');
  const outside = join(folder, 'outside');
  mkdirSync(work);
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), SECRET);
  const scratch = openScratch(work);
  context.after(() => scratch.close());
  return { work, secret: join(outside, 'secret'), scratch };
};

const namesOf = (found: readonly { readonly name: string }[]): string[] =>
  found.map(({ name }) => name).sort();
const put = (folder: string, name: string, content: string | Buffer = name): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
};

describe('a scratch space', () => {
  test('is no folder that is a link itself', async (context) => {
    const { work, secret } = opened(context);
    symlinkSync(dirname(secret), join(work, 'link'));
    assert.throws(() => openScratch(join(work, 'link')), { code: 'ENOTDIR' });
  });

  test('stays with its folder whatever happens to the path', async (context) => {
    const { work, secret, scratch } = opened(context);
    renameSync(work, `${work}-moved`);
    symlinkSync(dirname(secret), work);
    put(`${work}-moved`, 'a');
    assert.deepEqual(namesOf((await scratch.read(['**'], PLENTY)).files), ['a']);
  });

  test('with room is not full', async (context) => {
    assert.equal(opened(context).scratch.isFull(), false);
  });
});

describe('reading files back', () => {
  test('gives what matches, with bytes and mode', async (context) => {
    const { work, scratch } = opened(context);
    put(work, 'a.png', Buffer.from([1, 0, 255]));
    put(work, 'deep/er/b.png');
    put(work, 'empty.png', '');
    put(work, 'c.txt');
    chmodSync(join(work, 'a.png'), 0o700);
    const { files, omitted } = await scratch.read(['*.png'], PLENTY);
    assert.deepEqual(namesOf(files), ['a.png', 'empty.png']);
    assert.deepEqual(files.find(({ name }) => name === 'a.png')?.content, Buffer.from([1, 0, 255]));
    assert.deepEqual(files.map(({ executable }) => executable).sort(), [false, true]);
    assert.deepEqual(omitted, []);
    assert.deepEqual(namesOf((await scratch.read(['**/*.png'], PLENTY)).files), [
      'a.png',
      'deep/er/b.png',
      'empty.png',
    ]);
    assert.deepEqual((await scratch.read([], PLENTY)).files, []);
  });

  test('follows no link: matching ones are named, linked folders not entered', async (context) => {
    const { work, secret, scratch } = opened(context);
    put(work, 'real/file');
    symlinkSync(secret, join(work, 'absolute'));
    symlinkSync('../outside/secret', join(work, 'relative'));
    symlinkSync(dirname(secret), join(work, 'folder'));
    symlinkSync('/proc/self/environ', join(work, 'environ'));
    symlinkSync('.', join(work, 'loop'));
    symlinkSync('real/file', join(work, 'harmless'));
    const { files, omitted } = await scratch.read(['**'], PLENTY);
    assert.deepEqual(namesOf(files), ['real/file']);
    assert.deepEqual(namesOf(omitted), ['absolute', 'environ', 'folder', 'harmless', 'loop', 'relative']);
    assert.deepEqual(new Set(omitted.map(({ reason }) => reason)), new Set([NOT_REGULAR]));
  });

  test('opens no FIFO and no socket, which would hang', { timeout: 10_000 }, async (context) => {
    const { work, scratch } = opened(context);
    execFileSync('mkfifo', [join(work, 'fifo')]);
    const server = createServer();
    server.listen(join(work, 'socket'));
    await once(server, 'listening');
    context.after(() => server.close());
    const { files, omitted } = await scratch.read(['**'], PLENTY);
    assert.deepEqual(files, []);
    assert.deepEqual(namesOf(omitted), ['fifo', 'socket']);
  });

  test('ends at a depth of 32 folders', async (context) => {
    const { work, scratch } = opened(context);
    const path = (depth: number): string => `${'d/'.repeat(depth)}file`;
    for (const depth of [0, 1, 31, 32, 33, 60]) put(work, path(depth), String(depth));
    const found = (await scratch.read(['**'], PLENTY)).files.map(({ content }) => Number(content.toString()));
    assert.deepEqual(
      found.sort((a, b) => a - b),
      [0, 1, 31, 32],
    );
  });

  test('passes over names that are no UTF-8, and what is below them', async (context) => {
    const { work, scratch } = opened(context);
    const raw = (...bytes: number[]): Buffer => Buffer.concat([Buffer.from(`${work}/`), Buffer.from(bytes)]);
    writeFileSync(raw(0x61, 0xff), 'x');
    mkdirSync(raw(0xc3));
    writeFileSync(Buffer.concat([raw(0xc3), Buffer.from('/below')]), 'x');
    put(work, 'ü\n\t"file', 'x');
    const { files, omitted } = await scratch.read(['**'], PLENTY);
    assert.deepEqual(namesOf(files), ['ü\n\t"file']);
    assert.deepEqual(omitted, []);
  });

  test('keeps to its budget of files', async (context) => {
    const { work, scratch } = opened(context);
    for (let n = 0; n < 150; n++) put(work, `f${n}`);
    const { files, omitted } = await scratch.read(['**'], { maxFiles: 3, maxBytes: 1_000 });
    assert.equal(files.length, 3);
    assert.equal(omitted.length, 100); // the list of what is missing has a limit too
    assert.equal(omitted[0]?.reason, 'more than 3 files');
  });

  test('keeps to its budget of bytes, to the byte, and passes on to what still fits', async (context) => {
    const { work, scratch } = opened(context);
    put(work, 'large', 'x'.repeat(101));
    put(work, 'exact', 'x'.repeat(100));
    const { files, omitted } = await scratch.read(['**'], { maxFiles: 10, maxBytes: 100 });
    assert.deepEqual(namesOf(files), ['exact']);
    assert.deepEqual(omitted, [{ name: 'large', reason: 'more than 100 bytes in all' }]);
  });

  test('counts a sparse file with the size it would have on the wire', async (context) => {
    const { work, scratch } = opened(context);
    put(work, 'sparse', '');
    truncateSync(join(work, 'sparse'), 1024 ** 4);
    put(work, 'small', '');
    truncateSync(join(work, 'small'), 100);
    const { files, omitted } = await scratch.read(['**'], PLENTY);
    assert.deepEqual(
      files.map(({ name, content }) => [name, content.equals(Buffer.alloc(100))]),
      [['small', true]],
    );
    assert.deepEqual(namesOf(omitted), ['sparse']);
  });
});

describe('copying the scratch space', () => {
  test('brings regular files over with mode and time, and nothing else', async (context) => {
    const { work, secret, scratch } = opened(context);
    const target = join(temporaryFolder(context), 'target');
    put(work, 'a/b', 'text');
    put(work, 'tool');
    chmodSync(join(work, 'tool'), 0o755);
    utimesSync(join(work, 'a/b'), 1_000_000, 1_000_000);
    symlinkSync(secret, join(work, 'link'));
    symlinkSync(dirname(secret), join(work, 'folder'));
    await scratch.copyTo(target, PLENTY);
    assert.deepEqual(readdirSync(target, { recursive: true }).sort(), ['a', 'a/b', 'tool']);
    assert.equal(readFileSync(join(target, 'a/b'), 'utf8'), 'text');
    assert.equal(statSync(join(target, 'a/b')).mtimeMs, 1_000_000_000);
    assert.equal(statSync(join(target, 'a/b')).mode & 0o777, 0o644);
    assert.equal(statSync(join(target, 'tool')).mode & 0o777, 0o755);
  });

  test('fails where the budget is exceeded, before anything is written', async (context) => {
    const { work, scratch } = opened(context);
    const target = join(temporaryFolder(context), 'target');
    put(work, 'a');
    put(work, 'b');
    await assert.rejects(scratch.copyTo(target, { maxFiles: 1, maxBytes: 100 }), /more than 1 files/);
    await assert.rejects(scratch.copyTo(target, { maxFiles: 9, maxBytes: 1 }), /more than 1 bytes/);
    assert.equal(existsSync(target), false);
  });
});

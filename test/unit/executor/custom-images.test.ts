import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ImagePulling, PaddockError } from '../../../service/contracts/index.ts';
import { createCustomImages, type PullImage } from '../../../service/executor/custom-images.ts';
import { ImageError } from '../../../service/images/image-error.ts';
import type { StoredImage } from '../../../service/images/store.ts';

const image = (hex: string): StoredImage => ({
  digest: `sha256:${hex.repeat(64)}`,
  reference: '',
  env: {},
  architecture: 'amd64',
  bytes: 0,
  files: 0,
  createdAt: '',
  tree: '',
  names: [],
  root: `/roots/${hex}`,
});
const reference = (hex: string): string => `a.example/app@${image(hex).digest}`;
const never = new AbortController().signal;
const hasCode = (code: string) => (error: unknown) => error instanceof PaddockError && error.code === code;

/** A store in memory, and pulls that end when the test says so. */
const set = () => {
  const stored = new Map<string, StoredImage>();
  const held: string[] = [];
  const pulls: { reference: string; onProgress(event: ImagePulling): void; end(error?: Error): void }[] = [];
  const pull: PullImage = (wanted, { signal, onProgress }) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => reject(signal.reason));
    pulls.push({
      reference: wanted,
      onProgress,
      end(error) {
        if (error) return reject(error);
        const hex = wanted.at(-1) ?? '';
        stored.set(image(hex).digest, image(hex));
        resolve();
      },
    });
    return promise;
  };
  const store = {
    find: (digest: string) => stored.get(digest),
    async hold(digests: readonly string[]) {
      const [digest = ''] = digests;
      if (!stored.has(digest)) throw new ImageError('not-found', 'gone');
      held.push(digest);
      return { add: async () => {}, release: () => void held.splice(held.indexOf(digest), 1) };
    },
  };
  const asked: string[] = [];
  const prove = async (wanted: string): Promise<void> => {
    asked.push(wanted);
    if (!wanted.startsWith('a.example/')) throw new ImageError('not-found', 'no such image there');
  };
  return { images: createCustomImages(store, pull, prove), stored, held, pulls, asked };
};

describe('custom images', () => {
  test('one that is here is held until it is released', async () => {
    const { images, stored, held, pulls } = set();
    stored.set(image('a').digest, image('a'));
    const taken = await images.take(reference('a'), 'tenant', never, undefined);
    assert.equal(taken.image.root, '/roots/a');
    assert.deepEqual([held, pulls.length], [[image('a').digest], 0]);
    taken.release();
    assert.deepEqual(held, []);
  });

  test('one that came from elsewhere is given only where the registry has it too', async () => {
    const { images, stored, held, asked } = set();
    stored.set(image('a').digest, { ...image('a'), reference: `b.example/private@${image('a').digest}` });
    const own = `c.example/mine@${image('a').digest}`;
    await assert.rejects(images.take(own, 'tenant', never, undefined), hasCode('image-unavailable'));
    assert.deepEqual(held, [], 'what was refused is not held');
    (await images.take(reference('a'), 'tenant', never, undefined)).release();
    (await images.take(reference('a'), 'tenant', never, undefined)).release();
    assert.deepEqual(asked, [own, reference('a')], 'asked once of what is shown');
  });

  test('one is pulled once for all who wait, and each hears how far it is', async () => {
    const { images, pulls } = set();
    const heard: ImagePulling[][] = [[], []];
    const both = heard.map((own) => images.take(reference('b'), 'tenant', never, (event) => own.push(event)));
    while (pulls.length === 0) await Promise.resolve();
    const event: ImagePulling = { image: reference('b'), stage: 'unpack', done: 1, total: 2 };
    // The second waits for the same pull; both have been told of its beginning.
    while (heard.some((own) => own.length === 0)) await Promise.resolve();
    pulls[0]?.onProgress(event);
    pulls[0]?.end();
    for (const taken of await Promise.all(both)) assert.equal(taken.image.root, '/roots/b');
    assert.equal(pulls.length, 1);
    assert.deepEqual(
      heard.map((own) => own.at(-1)),
      [event, event],
    );
  });

  test('a pull outlives who asked for it, and the next one finds the image', async () => {
    const { images, pulls } = set();
    const gone = new AbortController();
    const first = images.take(reference('c'), 'tenant', gone.signal, undefined);
    while (pulls.length === 0) await Promise.resolve();
    gone.abort();
    await assert.rejects(first, hasCode('client-closed'));
    pulls[0]?.end();
    await new Promise(setImmediate);
    assert.equal((await images.take(reference('c'), 'tenant', never, undefined)).image.root, '/roots/c');
    assert.equal(pulls.length, 1);
  });

  test('why it cannot be had is told; what is our own fault is not', async () => {
    const { images, pulls } = set();
    const failing = async (error: Error): Promise<unknown> => {
      const taken = images.take(reference('d'), 'tenant', never, undefined);
      const before = pulls.length;
      while (pulls.length === before) await Promise.resolve();
      pulls.at(-1)?.end(error);
      return taken.then(
        () => undefined,
        (reason: unknown) => reason,
      );
    };
    const refused = await failing(new ImageError('refused', 'layer 1 holds a bomb'));
    assert.ok(refused instanceof PaddockError);
    assert.deepEqual([refused.code, refused.details.detail], ['image-unavailable', 'layer 1 holds a bomb']);
    const ours = await failing(new Error('/var/lib/paddock is full'));
    assert.ok(ours instanceof PaddockError);
    assert.doesNotMatch(String(ours.details.detail), /var/);
  });

  test('no more than two of a tenant are pulled at once; the others are not held up', async () => {
    const { images, pulls } = set();
    const waiting = ['1', '2'].map((hex) => images.take(reference(hex), 'tenant', never, undefined));
    while (pulls.length < 2) await Promise.resolve();
    await assert.rejects(images.take(reference('3'), 'tenant', never, undefined), hasCode('image-pulling'));
    const others = images.take(reference('4'), 'other', never, undefined);
    while (pulls.length < 3) await Promise.resolve();
    for (const pull of pulls) pull.end();
    assert.equal((await Promise.all([...waiting, others])).length, 3);
    const third = images.take(reference('3'), 'tenant', never, undefined);
    while (pulls.length < 4) await Promise.resolve();
    pulls[3]?.end();
    assert.equal((await third).image.root, '/roots/3');
  });

  test('closing ends the pulls that are under way', async () => {
    const { images, pulls } = set();
    const taken = images.take(reference('e'), 'tenant', never, undefined);
    const failed = assert.rejects(taken, hasCode('image-unavailable'));
    while (pulls.length === 0) await Promise.resolve();
    await images.close();
    await failed;
  });
});

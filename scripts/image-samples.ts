import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/**
 * Builds runtime images from nothing, without a registry, and runs their sample programs in them, in a service of its own.
 * Usage: image-samples.ts [NAME …]   all by default; PADDOCK_IMAGE_STORE is where they go
 * Ends with one line: N passed, N failed, N skipped.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const paddock = join(root, 'scripts/paddock');
const base = 'localhost/paddock/base:bookworm';
const store = process.env.PADDOCK_IMAGE_STORE ?? '/var/cache/paddock/test/images/all';
const READY_MS = 300_000;

const end = (line: string, code: number): never => {
  process.stdout.write(`${line}\n`);
  process.exit(code);
};

const all = readdirSync(join(root, 'images')).filter((name) =>
  statSync(join(root, 'images', name, 'Containerfile'), { throwIfNoEntry: false })?.isFile(),
);
const given = process.argv.slice(2);
const unknown = given.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`there is no images/${unknown.join(', images/')}\n`);
  end('0 passed, 1 failed, 0 skipped', 2);
}
const names = given.length > 0 ? given : all;

const needed = ['buildah', 'mmdebstrap', 'skopeo', 'umoci'].filter(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
);
if (needed.length > 0 || process.getuid?.() !== 0) {
  const why = needed.length > 0 ? `${needed.join(', ')} not installed` : 'not root';
  process.stdout.write(`skipped: sample programs in images: ${why}\n`);
  end('0 passed, 0 failed, 1 skipped', 0);
}

const env = { ...process.env, PADDOCK_IMAGE_STORE: store };
const step = (command: string, ...args: string[]): void => {
  const { status } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (status === 0) return;
  process.stdout.write(`failed: ${command} ${args.join(' ')}\n`);
  end('0 passed, 1 failed, 0 skipped', 1);
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const runtimesSchema = z.object({
  runtimes: z.array(
    z.object({ name: z.string(), image: z.string().optional(), reason: z.string().optional() }),
  ),
});

/** What the service says of its runtimes, as soon as it is ready. */
const untilReady = async (url: string, alive: () => boolean) => {
  const deadline = performance.now() + READY_MS;
  while (alive() && performance.now() < deadline) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return runtimesSchema.parse(await (await fetch(`${url}/v1/runtimes`)).json()).runtimes;
    await pause(100);
  }
  throw new Error('the service did not become ready');
};

// A base that is there already may have been used by layers that are kept: making another would build them all again.
if (spawnSync('buildah', ['inspect', '--type', 'image', base]).status !== 0)
  step(join(root, 'scripts/images/base'));
step(paddock, 'images', 'build', '--base', base, ...names);

const wanted = [
  ...new Set(
    names.map((name) => {
      const manifest = readFileSync(join(root, 'images', name, 'runtime.yaml'), 'utf8');
      return /^name: (\S+)$/m.exec(manifest)?.[1] ?? name;
    }),
  ),
];
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const state = mkdtempSync(join(tmpdir(), 'paddock-images-'));
const service = spawn(paddock, ['serve', '--port', String(port), '--state-dir', state], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...env, PADDOCK_LOG_LEVEL: 'error', PADDOCK_TOKENS_FILE: '' },
});
const ended = new Promise<void>((resolve) => service.once('exit', () => resolve()));
let code = 1;
try {
  const runtimes = await untilReady(url, () => service.exitCode === null);
  const without = wanted.filter(
    (name) => !runtimes.some((runtime) => runtime.name === name && runtime.image),
  );
  if (without.length > 0) {
    process.stdout.write(
      `failed: not run in an image: ${without.join(', ')}\n0 passed, 1 failed, 0 skipped\n`,
    );
  } else {
    const check = ['runtimes', 'check', ...(given.length > 0 ? wanted : []), '--url', url];
    code = spawnSync(paddock, check, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
  }
} finally {
  service.kill('SIGTERM');
  await ended;
  rmSync(state, { recursive: true, force: true });
}
process.exit(code);

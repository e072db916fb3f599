import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { startService } from '../test/harness/start-service.ts';

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

const runtimesSchema = z.object({
  runtimes: z.array(
    z.object({ name: z.string(), image: z.string().optional(), reason: z.string().optional() }),
  ),
});

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
const service = await startService({
  env: { ...env, PADDOCK_LOG_LEVEL: 'error', PADDOCK_TOKENS_FILE: '' },
  readyTimeoutMs: READY_MS,
});
let code = 1;
try {
  const { runtimes } = runtimesSchema.parse(await (await fetch(`${service.url}/v1/runtimes`)).json());
  const without = wanted.filter(
    (name) => !runtimes.some((runtime) => runtime.name === name && runtime.image),
  );
  if (without.length > 0) {
    process.stdout.write(
      `failed: not run in an image: ${without.join(', ')}\n0 passed, 1 failed, 0 skipped\n`,
    );
  } else {
    const check = ['runtimes', 'check', ...(given.length > 0 ? wanted : []), '--url', service.url];
    code = spawnSync(paddock, check, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
  }
} finally {
  process.stdout.write(service.log());
  await service.stop();
}
process.exit(code);

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { repository, type Service } from '../harness/start-service.ts';
import type { Sentinels } from './sentinels.ts';
import { brokenLines, sourceOf } from './source.ts';

interface Proof {
  readonly program: string;
  readonly args: readonly string[];
  /** At least this many probes must break out where nothing holds them. */
  readonly breaks: number;
  readonly stdin?: string;
}

/** Only harmless ones: they look, connect to the runner's own listeners, or change what belongs to them alone. */
const proofs: readonly Proof[] = [
  { program: 'network.py', args: ['{context}'], breaks: 5 },
  { program: 'unix-sockets.py', args: ['{context}'], breaks: 2 },
  { program: 'status.py', args: ['{context}'], breaks: 6 },
  { program: 'namespaces.py', args: ['{context}'], breaks: 7 },
  { program: 'search-secrets.py', args: ['{context}'], breaks: 3 },
  { program: 'proc-masked.py', args: ['{context}'], breaks: 1 },
  { program: 'descriptors.c', args: [], breaks: 1 },
  { program: 'kernel.c', args: ['trace'], breaks: 3 },
  { program: 'kernel.c', args: ['namespaces'], breaks: 6 },
  { program: 'kernel.c', args: ['keys'], breaks: 2 },
  { program: 'kernel.c', args: ['perf'], breaks: 1 },
  { program: 'kernel.c', args: ['abi'], breaks: 2 },
  { program: 'kernel.c', args: ['families'], breaks: 2 },
  { program: 'priority.c', args: [], breaks: 3 },
];

const runPlainly = ({ program, args, stdin }: Proof, context: string, folder: string): string => {
  const path = join(folder, program);
  writeFileSync(path, sourceOf(program));
  let command = ['/usr/bin/python3', path];
  if (extname(program) === '.c') {
    const built = spawnSync('gcc', ['-w', '-o', `${path}.out`, path], { encoding: 'utf8' });
    if (built.status !== 0) return `gcc: ${built.stderr}`;
    command = [`${path}.out`];
  }
  const [name = '', ...rest] = [...command, ...args.map((arg) => (arg === '{context}' ? context : arg))];
  // Descriptor 3 stands for one that an executor forgot to close.
  const ended = spawnSync(name, rest, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 20_000,
    input: stdin ?? '',
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  return `${ended.stdout}${ended.stderr}`;
};

/** Runs probes where nothing holds them: each must then report success, or it could not fail in a sandbox either. */
export const prove = async (sentinels: Sentinels): Promise<number> => {
  const service: Service = {
    url: '',
    port: 9,
    pid: process.pid,
    stateDir: repository,
    log: () => '',
    stop: () => Promise.resolve({ code: 0, signal: null }),
  };
  const context = JSON.stringify(sentinels.contextFor(service));
  const folder = mkdtempSync(join(tmpdir(), 'paddock-prove-'));
  let failed = 0;
  try {
    for (const proof of proofs) {
      const output = runPlainly(proof, context, folder);
      const found = brokenLines(output).length;
      const good = found >= proof.breaks && /^(held|BROKEN):/m.test(output);
      if (!good) failed++;
      const name = [proof.program, ...proof.args.filter((arg) => arg !== '{context}')].join(' ');
      process.stdout.write(
        `${name.padEnd(28)} ${String(found).padStart(3)} probes broke out ${good ? '✓' : `✗ (${proof.breaks} expected)\n${output.slice(0, 2_000)}`}\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(`\n${proofs.length - failed} passed, ${failed} failed, 0 skipped\n`);
  return failed === 0 ? 0 : 1;
};

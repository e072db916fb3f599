import { defaultLimits, type Limits } from '../../contracts/index.ts';
import type { StoredImage } from '../../images/store.ts';
import type { Ended, SandboxMaker } from '../sandbox/port.ts';
import { inImage } from './image-path.ts';
import { baseEnv, withKey } from './stage-plan.ts';
import type { Surroundings } from './surroundings.ts';

/** A toolchain that only tells its version still loads itself: a JVM takes more than a sandbox has by default. */
const LIMITS: Limits = { ...defaultLimits, memoryMb: 1_024, cpus: 2, processes: 128 };
const EXECUTABLE = 0o111;
const ANSWER_MS = 10_000;

const endOf = ({ reason, exitCode, signal }: Pick<Ended, 'reason' | 'exitCode' | 'signal'>): string => {
  if (reason !== 'exit') return `did not tell its version within its limits (${reason})`;
  return signal === null ? `ended with ${exitCode}` : `was ended by signal ${signal}`;
};

/**
 * The toolchains in an image. It may be anybody's: what is asked of a program in it is asked in a sandbox, and a path
 * in it is never followed from outside.
 */
export const imageSurroundings = (
  { root, env }: Pick<StoredImage, 'root' | 'env'>,
  maker: Pick<SandboxMaker, 'create'>,
): Surroundings => {
  const inside = { ...baseEnv, ...env };
  const isExecutable = (path: string): boolean => {
    const found = inImage(root, path);
    return found?.stats.isFile() === true && (found.stats.mode & EXECUTABLE) !== 0;
  };
  return {
    exists: (path) => inImage(root, path) !== undefined,
    locate(candidate) {
      if (candidate === '{node}') return undefined; // the host's own
      const folders = candidate.startsWith('/') ? [''] : (inside.PATH ?? '').split(':');
      return folders
        .map((folder) => (folder === '' ? candidate : `${folder}/${candidate}`))
        .filter((path) => path.startsWith('/'))
        .find(isExecutable);
    },
    real: (path) => inImage(root, path)?.path ?? path,
    async ask(path, args) {
      // The image's own variables come with the program alone, see stage-plan.ts.
      const spec = withKey({ root, shown: [], env: baseEnv, limits: LIMITS });
      const sandbox = await maker.create(spec);
      try {
        const ended = await sandbox.go({
          command: [path, ...args],
          entry: '',
          args: [],
          env: inside,
          stdin: new Uint8Array(),
          limits: LIMITS,
          wallMs: ANSWER_MS,
        });
        const said = `${ended.stdout.toString('utf8')}\n${ended.stderr.toString('utf8')}`.trim();
        if (ended.reason !== 'exit' || ended.exitCode !== 0)
          throw new Error(`${path} ${endOf(ended)}: ${said.slice(-500)}`);
        return said;
      } finally {
        await sandbox.destroy();
      }
    },
    // All of it is the sandbox's root.
    holds: () => true,
    inside: (_candidate, path) => path,
  };
};

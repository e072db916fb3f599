import { createHash } from 'node:crypto';
import type { ExecutorRequest, Limits } from '../../contracts/index.ts';
import type { PlacedFile, SandboxSpec } from '../sandbox/port.ts';

/** All that a compilation is made from. */
export interface CompileInputs {
  readonly request: ExecutorRequest;
  /** The files of the request, decoded. */
  readonly sources: readonly PlacedFile[];
  /** Of the runtime: manifest and programs beside it, toolchain, what was prepared. */
  readonly identity: string;
  /** Filled in for this request. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly spec: SandboxSpec;
  readonly artifacts: readonly string[];
  /** Under which the compiler runs. */
  readonly limits: Limits;
}

/**
 * A name for a compilation: equal keys, equal results. What is known to have no part in compiling is left out by name,
 * so that a field that is added to requests some day counts until somebody has thought about it.
 * @returns SHA-256, in hexadecimal
 */
export const compileKey = (inputs: CompileInputs): string => {
  const { id, args, stdin, stdinEncoding, tests, outputs, stream, cache, files, limits, ...rest } =
    inputs.request;
  const { wallMs, ...compiling } = inputs.limits;
  const hash = createHash('sha256');
  // JSON says where each part ends, and the lengths say where each file does: no two inputs read the same.
  const parts = [
    rest,
    inputs.identity,
    inputs.command,
    Object.entries(inputs.env).sort(([a], [b]) => (a < b ? -1 : 1)),
    [inputs.spec.key, inputs.spec.warmCommand, inputs.spec.env],
    inputs.artifacts,
    Object.entries(compiling).sort(([a], [b]) => (a < b ? -1 : 1)),
    // The artifacts have to fit into the run's scratch space, which is the caller's.
    [limits.scratchMb, limits.scratchFiles],
    inputs.sources.map(({ name, content, executable }) => [name, content.length, executable === true]),
  ];
  hash.update(JSON.stringify(parts));
  for (const { content } of inputs.sources) hash.update(content);
  return hash.digest('hex');
};

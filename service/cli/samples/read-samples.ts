import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { outcomeSchema, type SourceFile } from '../../contracts/execution.ts';
import { type RuntimeManifest, runtimeManifestSchema } from '../../contracts/runtime.ts';
import { CliError } from '../context.ts';
import { encodeBytes } from '../run/program-files.ts';
import { reasonOf } from '../service-options.ts';

/** samples/CASE/expected.json, for cases that are told by more than their standard output. */
const expectationSchema = z.strictObject({
  outcome: outcomeSchema.default('ok'),
  exitCode: z.int().nullable().optional(),
  compileOutcome: outcomeSchema.optional(),
  request: z.record(z.string(), z.unknown()).default({}),
});

export interface Sample {
  readonly name: string;
  readonly files: SourceFile[];
  readonly entry: string;
  readonly stdin: Buffer | undefined;
  readonly args: string[];
  /** Standard output to the byte; undefined where it is not compared. */
  readonly expected: Buffer | undefined;
  readonly expectation: z.infer<typeof expectationSchema>;
}

export interface RuntimeSamples {
  readonly folder: string;
  readonly manifest: RuntimeManifest;
  readonly samples: Sample[];
}

/** Every runtime folder below `images`, in the order of their names. */
export const readAllSamples = async (images: string): Promise<RuntimeSamples[]> => {
  let entries: Awaited<ReturnType<typeof listFolders>>;
  try {
    entries = await listFolders(images);
  } catch (cause) {
    throw new CliError(`cannot read the runtimes in ${images}: ${reasonOf(cause)}`, 1, { cause });
  }
  const all: RuntimeSamples[] = [];
  for (const folder of entries) {
    const manifest = await readManifest(join(images, folder, 'runtime.yaml'));
    if (!manifest) continue;
    const samplesFolder = join(images, folder, 'samples');
    const cases = await listFolders(samplesFolder).catch(() => []);
    const samples = await Promise.all(cases.map((name) => readSample(samplesFolder, name, manifest)));
    all.push({ folder, manifest, samples });
  }
  return all;
};

const listFolders = async (path: string): Promise<string[]> =>
  (await readdir(path, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();

const readManifest = async (path: string): Promise<RuntimeManifest | undefined> => {
  const text = await readOptional(path);
  if (!text) return undefined;
  try {
    return runtimeManifestSchema.parse(parse(text.toString('utf8')));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? `\n${z.prettifyError(cause)}` : reasonOf(cause);
    throw new CliError(`${path} is not a runtime manifest: ${reason}`, 1, { cause });
  }
};

const readOptional = async (path: string): Promise<Buffer | undefined> => {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
};

const notProgram = new Set(['stdin', 'args', 'expected', 'expected.json']);

const readSample = async (
  samplesFolder: string,
  name: string,
  manifest: RuntimeManifest,
): Promise<Sample> => {
  const folder = join(samplesFolder, name);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !notProgram.has(path))
    .sort();
  const entry = paths.includes(manifest.fileName) ? manifest.fileName : paths[0];
  if (entry === undefined) throw new CliError(`${folder} holds no program`);
  const files = await Promise.all(
    paths.map(async (path) => ({ name: path, ...encodeBytes(await readFile(join(folder, path))) })),
  );
  const args = (await readOptional(join(folder, 'args')))?.toString('utf8') ?? '';
  return {
    name,
    files,
    entry,
    stdin: await readOptional(join(folder, 'stdin')),
    args: args === '' ? [] : args.replace(/\n$/, '').split('\n'),
    expected: await readOptional(join(folder, 'expected')),
    expectation: await readExpectation(join(folder, 'expected.json')),
  };
};

const readExpectation = async (path: string) => {
  const text = await readOptional(path);
  try {
    return expectationSchema.parse(text ? JSON.parse(text.toString('utf8')) : {});
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? `\n${z.prettifyError(cause)}` : reasonOf(cause);
    throw new CliError(`${path} is not valid: ${reason}`, 1, { cause });
  }
};

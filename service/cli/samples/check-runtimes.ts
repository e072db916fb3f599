import { resolve } from 'node:path';
import { styleText } from 'node:util';
import type { ExecutionRequestInput } from '../../contracts/execution.ts';
import { executionRequestSchema, executionResultSchema } from '../../contracts/execution.ts';
import type { RuntimeInfo } from '../../contracts/runtime.ts';
import { runtimesResponseSchema } from '../../contracts/service.ts';
import { type CliContext, UsageError } from '../context.ts';
import { single } from '../option-values.ts';
import { startProgress } from '../progress.ts';
import { encodeBytes } from '../run/program-files.ts';
import {
  createServiceClient,
  parseAnswer,
  type ServiceClient,
  ServiceProblemError,
} from '../service-client.ts';
import { type ServiceOptions, serviceUrl } from '../service-options.ts';
import { formatDuration } from '../table.ts';
import { compareSample } from './compare-sample.ts';
import { type RuntimeSamples, readAllSamples, type Sample } from './read-samples.ts';

export interface CheckOptions extends ServiceOptions {
  names?: string[] | undefined;
  images?: string | undefined;
  json?: boolean | undefined;
}

interface CheckedSample {
  readonly runtime: string;
  readonly sample: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly detail: string[];
  readonly ms: number;
}

/** `paddock runtimes check`: every sample program through the service, one line each; exit code 1 where one fails. */
export const checkRuntimes = async (context: CliContext, options: CheckOptions): Promise<number> => {
  const images = resolve(context.projectRoot, single('--images', options.images ?? 'images'));
  const selected = select(await readAllSamples(images), options.names ?? []);
  const client = await createServiceClient(context, options);
  const url = serviceUrl(context, options);
  const { runtimes } = await client.get('/v1/runtimes', runtimesResponseSchema);
  const checked: CheckedSample[] = [];
  for (const group of selected) {
    for await (const sample of checkGroup(context, client, url, group, runtimes)) {
      checked.push(sample);
      if (!options.json) context.stdout.write(lineOf(context, sample));
    }
  }
  const count = (state: CheckedSample['state']) => checked.filter((sample) => sample.state === state).length;
  const sums = { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
  context.stdout.write(
    options.json
      ? `${JSON.stringify({ ...sums, samples: checked }, null, 2)}\n`
      : `${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped\n`,
  );
  return sums.failed > 0 ? 1 : 0;
};

const select = (all: RuntimeSamples[], names: readonly string[]): RuntimeSamples[] => {
  const namesOf = ({ folder, manifest }: RuntimeSamples) => [folder, manifest.name, ...manifest.aliases];
  for (const name of names) {
    if (all.some((group) => namesOf(group).includes(name))) continue;
    throw new UsageError(
      `no runtime folder is called "${name}"; there are ${all.map((group) => group.folder).join(', ')}`,
    );
  }
  return names.length === 0
    ? all
    : all.filter((group) => namesOf(group).some((name) => names.includes(name)));
};

async function* checkGroup(
  context: CliContext,
  client: ServiceClient,
  url: string,
  group: RuntimeSamples,
  runtimes: readonly RuntimeInfo[],
): AsyncGenerator<CheckedSample> {
  const { manifest, samples } = group;
  const runtime = group.folder;
  const info = runtimes.find(
    (known) =>
      known.name === manifest.name && (manifest.version === undefined || known.version === manifest.version),
  );
  if (!info) {
    yield {
      runtime,
      sample: '*',
      state: 'failed',
      detail: ['the service does not know this runtime'],
      ms: 0,
    };
  } else if (!info.available) {
    yield { runtime, sample: '*', state: 'skipped', detail: [info.reason ?? 'not available'], ms: 0 };
  } else if (samples.length === 0) {
    yield { runtime, sample: '*', state: 'failed', detail: ['it has no sample programs'], ms: 0 };
  } else {
    for (const sample of samples) {
      const progress = startProgress(context, `${runtime}/${sample.name}`);
      const started = context.now();
      const detail = await runSample(client, url, manifest.name, info.version, sample).finally(() =>
        progress.stop(),
      );
      const state = detail.length === 0 ? 'passed' : 'failed';
      yield { runtime, sample: sample.name, state, detail, ms: context.now() - started };
    }
  }
}

const runSample = async (
  client: ServiceClient,
  url: string,
  runtime: string,
  version: string,
  sample: Sample,
): Promise<string[]> => {
  try {
    const response = await client.execute(requestOf(runtime, version, sample), 'application/json');
    return compareSample(sample, parseAnswer(executionResultSchema, await response.json(), url, 1));
  } catch (error) {
    if (error instanceof ServiceProblemError) return error.message.split('\n');
    throw error;
  }
};

const requestOf = (runtime: string, version: string, sample: Sample): ExecutionRequestInput => {
  const stdin = sample.stdin && encodeBytes(sample.stdin);
  // The extra fields come from a file, so the whole is checked before it is sent.
  return executionRequestSchema.parse({
    runtime,
    version,
    files: sample.files,
    entry: sample.entry,
    args: sample.args,
    ...(stdin && { stdin: stdin.content, stdinEncoding: stdin.encoding }),
    ...sample.expectation.request,
  });
};

const lineOf = (context: CliContext, checked: CheckedSample): string => {
  const paint = (colour: 'green' | 'red' | 'yellow', text: string) =>
    context.colours ? styleText(colour, text, { validateStream: false }) : text;
  if (checked.state === 'skipped') {
    return `${paint('yellow', '-')} skipped: ${checked.runtime}: ${checked.detail.join(' ')}\n`;
  }
  const name = `${checked.runtime}/${checked.sample}`;
  if (checked.state === 'passed') return `${paint('green', '✓')} ${name} (${formatDuration(checked.ms)})\n`;
  return `${paint('red', '✗')} ${name}\n${checked.detail.map((line) => `    ${line}\n`).join('')}`;
};

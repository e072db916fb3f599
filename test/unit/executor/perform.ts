import assert from 'node:assert/strict';
import {
  defaultLimits,
  type ExecutorRequest,
  executorResultSchema,
  type OutputEvent,
  type RuntimeInfo,
} from '../../../service/contracts/index.ts';
import type { CompileCache } from '../../../service/executor/compile-cache/cache.ts';
import { execute } from '../../../service/executor/execution.ts';
import type { Runtime } from '../../../service/executor/runtimes/make-runtime.ts';
import type { StagePlan } from '../../../service/executor/runtimes/stage-plan.ts';
import { withKey } from '../../../service/executor/runtimes/stage-plan.ts';
import type { Go, SandboxSpec } from '../../../service/executor/sandbox/port.ts';
import { ended, type FakeSandbox, fakeSandbox, type Script } from './fake-sandbox.ts';

const info: RuntimeInfo = {
  name: 'lang',
  title: 'Language',
  version: '1.0',
  aliases: [],
  extensions: ['.l'],
  fileName: 'main.l',
  available: true,
  compiled: false,
  startedAhead: false,
  limits: { ...defaultLimits },
  capabilities: [],
};

const plan = (name: string, command: string[]): StagePlan => ({
  spec: withKey({ shown: [{ source: `/${name}`, target: '/opt/x' }], env: {}, limits: defaultLimits }),
  env: { STAGE: name, LANG: 'C.UTF-8' },
  command,
  warm: undefined,
});

export const interpreted: Runtime = {
  info,
  identity: 'lang 1.0',
  extensions: ['.l'],
  run: plan('run', ['lang', '{entry}']),
};
export const compiled: Runtime = {
  ...interpreted,
  compile: { ...plan('compile', ['langc', '{sources}']), artifacts: ['*.o'], limits: { memoryMb: 512 } },
};

export const request = (changed: Partial<ExecutorRequest> = {}): ExecutorRequest => ({
  id: 'e1',
  tenant: 'grader',
  runtime: 'lang',
  version: '1.0',
  files: [{ name: 'main.l', content: 'program', encoding: 'utf8' }],
  entry: 'main.l',
  args: [],
  stdin: '',
  stdinEncoding: 'utf8',
  env: {},
  limits: { ...defaultLimits },
  outputs: [],
  stream: false,
  cache: true,
  ...changed,
});

interface Setup {
  readonly runtime?: Runtime;
  readonly request?: Partial<ExecutorRequest>;
  /** What the sandboxes do, one after the other; the last for all that follow. */
  readonly scripts?: readonly Script[];
  readonly warm?: readonly boolean[];
  readonly signal?: AbortSignal;
  readonly compileCache?: CompileCache;
  readonly emit?: (event: OutputEvent) => void;
}

export const begin = (setup: Setup = {}) => {
  const sandboxes: FakeSandbox[] = [];
  const cleanupFaults: Error[] = [];
  let ms = 0;
  const result = execute(
    request(setup.request),
    {
      runtimes: { get: async () => setup.runtime ?? interpreted },
      warmSet: {
        async take(spec: SandboxSpec) {
          const at = sandboxes.length;
          const sandbox = fakeSandbox(spec, setup.scripts?.[at] ?? setup.scripts?.at(-1));
          sandboxes.push(sandbox);
          return { sandbox, warm: setup.warm?.[at] ?? true };
        },
      },
      now: () => ms++,
      compileCache: setup.compileCache,
      onCleanupFault: (error) => cleanupFaults.push(error),
    },
    setup.signal ?? new AbortController().signal,
    setup.emit,
  );
  return { result, sandboxes, cleanupFaults };
};

export const perform = async (setup: Setup = {}) => {
  const begun = begin(setup);
  const result = await begun.result;
  assert.deepEqual(executorResultSchema.parse(result), result);
  assert.ok(
    begun.sandboxes.every(({ destroyed }) => destroyed === 1),
    'every sandbox is destroyed once',
  );
  return { ...begun, result };
};

export const says = (stdout: string | Buffer, facts: Parameters<typeof ended>[0] = {}): Script => ({
  go: async () => ended({ stdout: Buffer.from(stdout), ...facts }),
});
export const file = (name: string, content = name) => ({ name, content: Buffer.from(content) });
export const onlyGo = (sandbox: FakeSandbox | undefined): Go => {
  assert.equal(sandbox?.goes.length, 1);
  return sandbox?.goes[0] ?? assert.fail();
};

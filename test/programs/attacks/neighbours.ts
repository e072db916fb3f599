import {
  type ExecutionRequestInput,
  type ExecutionResult,
  outputEventSchema,
} from '../../../service/contracts/execution.ts';
import { execute, executorsOf, run, stream } from '../../harness/client.ts';
import { descendantsOf, listProcesses, sandboxesAmong } from '../../harness/processes.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { Attack, Context } from '../attack.ts';
import { brokenLines, sourceOf } from '../source.ts';

const request = (
  runtime: string,
  program: string,
  context: Context,
  args: readonly string[],
): ExecutionRequestInput => ({
  runtime,
  code: sourceOf(program),
  args: [JSON.stringify(context), ...args],
});

const faultsOf = (text: string, least: number): string[] => [
  ...brokenLines(text),
  ...((text.match(/^held:/gm)?.length ?? 0) >= least
    ? []
    : [`fewer than ${least} probes answered: ${text.slice(0, 300)}`]),
];

/** Sandboxes that run beside or after each other on the same executor. */
export const neighbours: readonly Attack[] = [
  {
    name: 'neighbours-at-the-same-time',
    runtimes: ['python'],
    maxMs: 10_000,
    async run(service, context) {
      const shows = stream(service.url, request('python', 'neighbour-shows.py', context, ['2']));
      let shownText = '';
      let looks: ExecutionResult | undefined;
      for await (const { event, data } of shows) {
        if (event !== 'output') continue;
        shownText += outputEventSchema.parse(data).content;
        if (shownText.includes('ready'))
          looks ??= await run(service.url, request('python', 'neighbour-looks.py', context, []));
      }
      const namespaces = [shownText, looks?.run?.stdout ?? ''].map((text) => /pid:\[\d+\]/.exec(text)?.[0]);
      return {
        outcome: looks?.run?.outcome ?? 'none',
        faults: [
          ...faultsOf(looks?.run?.stdout ?? '', 7),
          ...faultsOf(shownText, 1),
          ...(namespaces[0] && namespaces[0] === namespaces[1] ? ['both are in one pid namespace'] : []),
        ],
      };
    },
  },
  {
    name: 'neighbours-have-uids-of-their-own',
    runtimes: ['python'],
    maxMs: 10_000,
    async run(service) {
      const sleepers = Array.from({ length: 2 }, () =>
        run(service.url, { runtime: 'python', code: 'import time\ntime.sleep(1.5)\n' }),
      );
      await waitFor(async () => (await executorsOf(service.url)).some(({ running }) => running === 2), {
        what: 'two to run',
      });
      const sandboxes = [...sandboxesAmong(descendantsOf(service.pid, listProcesses())).values()];
      const uids = sandboxes.map((processes) => [...new Set(processes.map(({ uid }) => uid))]);
      const flat = uids.flat();
      await Promise.all(sleepers);
      return {
        outcome: 'ok',
        faults: [
          ...(sandboxes.length >= 2 ? [] : [`only ${sandboxes.length} sandboxes`]),
          ...(process.getuid?.() !== 0 || new Set(flat).size === flat.length
            ? []
            : [`uids are shared: ${JSON.stringify(uids)}`]),
          ...(process.getuid?.() !== 0 || flat.every((uid) => uid >= 10_000)
            ? []
            : [`uids of the host's own: ${flat}`]),
        ],
      };
    },
  },
  {
    name: 'ipc-across-runs',
    runtimes: ['c'],
    maxMs: 20_000,
    async run(service) {
      const code = sourceOf('ipc-leave.c');
      const left = await run(service.url, { runtime: 'c', code, args: ['leave'] });
      // Enough runs that the slot of the first is used again.
      const looks = [];
      for (let round = 0; round < 5; round++)
        looks.push(await run(service.url, { runtime: 'c', code, args: ['look'] }));
      return {
        outcome: looks[0]?.run?.outcome ?? left.compile?.outcome ?? 'none',
        faults: [
          ...((left.run?.stdout.match(/yes$/gm)?.length ?? 0) >= 5
            ? []
            : [`little was left: ${left.run?.stdout ?? left.compile?.stderr}`]),
          ...looks.flatMap((look) => faultsOf(look.run?.stdout ?? look.compile?.stderr ?? '', 8)),
        ],
      };
    },
  },
  {
    name: 'output-across-runs',
    runtimes: ['python'],
    maxMs: 30_000,
    async run(service) {
      // What one leaves in its pipes, or still writes while it is killed, must not come out of the next.
      const faults: string[] = [];
      for (let round = 0; round < 8; round++) {
        await execute(service.url, { runtime: 'python', code: sourceOf('background-floods.py') });
        const next = await run(service.url, {
          runtime: 'python',
          code: "import sys\nprint(sys.stdin.read() or 'empty')\n",
        });
        if (next.run?.stdout !== 'empty\n' || next.run.stderr !== '') {
          faults.push(
            `round ${round}: ${JSON.stringify([next.run?.stdout.slice(0, 60), next.run?.stderr.slice(0, 60)])}`,
          );
        }
      }
      return { outcome: 'ok', faults };
    },
  },
  {
    name: 'stdin-across-runs',
    runtimes: ['python'],
    maxMs: 20_000,
    async run(service) {
      const faults: string[] = [];
      for (let round = 0; round < 6; round++) {
        await run(service.url, {
          runtime: 'python',
          code: 'print(1)',
          stdin: 'STDIN-OF-ANOTHER '.repeat(1_000),
        });
        const next = await run(service.url, {
          runtime: 'python',
          code: 'import os,sys\nprint(repr(os.read(0, 100)), os.fstat(0).st_size)\n',
        });
        if (next.run?.stdout.includes('ANOTHER') || !next.run?.stdout.startsWith("b''"))
          faults.push(`round ${round}: ${next.run?.stdout}`);
      }
      return { outcome: 'ok', faults };
    },
  },
  {
    name: 'collecting-stalls-nobody',
    runtimes: ['python'],
    maxMs: 40_000,
    async run(service) {
      // Sixty thousand files to look through, and patterns that match none or all of them.
      const code =
        "import os\nfor n in range(60000):\n    os.close(os.open('a' * 100 + str(n), os.O_CREAT | os.O_WRONLY))\n";
      const limits = { scratchFiles: 65_000, scratchMb: 256, memoryMb: 512, wallMs: 20_000 };
      let isCollecting = true;
      const collecting = execute(service.url, {
        runtime: 'python',
        code,
        limits,
        outputs: ['**/*a*a*a*b', '**'],
      }).finally(() => {
        isCollecting = false;
      });
      let slowest = 0;
      while (isCollecting) {
        const { ms } = await execute(service.url, { runtime: 'python', code: 'print(1)' });
        slowest = Math.max(slowest, ms);
      }
      const collected = await collecting;
      return {
        outcome: collected.ok ? (collected.result.run?.outcome ?? 'none') : collected.problem.code,
        faults: [
          ...(collected.ok && collected.result.run?.outcome === 'ok'
            ? []
            : [JSON.stringify(collected).slice(0, 300)]),
          ...(slowest < 1_500 ? [] : [`a neighbour waited ${Math.round(slowest)} ms`]),
        ],
      };
    },
  },
];

import type { Attack, ProgramAttack } from '../attack.ts';
import { forksAcross } from './forks-across.ts';

const place: Omit<ProgramAttack, 'name' | 'program' | 'held'> = {
  runtime: 'python',
  outcome: 'ok',
  maxMs: 8_000,
};

/** What a program tries to keep its first process from telling how it ended. */
const verdicts: readonly ProgramAttack[] = [
  'interrupts',
  'limits',
  'cpu-limit',
  'slow',
  'forged',
  'orphans',
].map((what) => ({
  ...place,
  name: `forks-verdict-${what}`,
  program: 'forks-verdict.py',
  request: { args: [what] },
  outcome: 'nonzero-exit',
  held: 1,
  check: (_, stage) => (stage.exitCode === 7 ? [] : [`exit code ${stage.exitCode}`]),
}));

/**
 * On fork servers, from the programs whose sandboxes they have made. They hold whichever way sandboxes are made; how
 * the service itself fares is in `WayWatch`, after each.
 */
export const forks: readonly Attack[] = [
  { ...place, name: 'forks-first-process', program: 'forks-first-process.py', held: 62 },
  { ...place, name: 'forks-place', program: 'forks-place.py', held: 200 },
  { ...place, name: 'forks-library-again', program: 'forks-again.py', held: 1 },
  {
    ...place,
    name: 'forks-asked-for-by-environment',
    code: "import os, sys\nprint('fine', [name for name in os.environ if name.startswith('PADDOCK')])\n",
    // Read by the interpreter's start in a fork server; here it must be a program's own business.
    request: { env: { PADDOCK_FORKS: '1', PADDOCK_PRELOAD: 'this', LD_PRELOAD: '/opt/paddock/forks' } },
    check: (_, stage) =>
      stage.stdout.startsWith('fine') ? [] : [`other output: ${stage.stdout} ${stage.stderr}`],
  },
  ...verdicts,
  ...forksAcross,
];

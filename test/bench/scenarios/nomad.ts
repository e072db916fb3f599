import type { Scenario } from '../scenario.ts';
import { nomadBurst } from './nomad-burst.ts';
import { nomadColdStart } from './nomad-cold-start.ts';
import { nomadDispatchPerRun } from './nomad-dispatch-per-run.ts';
import { nomadWarm } from './nomad-warm.ts';

/** On a real Nomad, each on one of its own. */
export const nomadScenarios: readonly Scenario[] = [
  nomadWarm,
  nomadColdStart,
  nomadBurst,
  nomadDispatchPerRun,
];

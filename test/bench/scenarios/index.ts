import type { Scenario } from '../scenario.ts';
import { dispatcherFleet } from './dispatcher-fleet.ts';
import { dispatcherThroughput } from './dispatcher-throughput.ts';
import { helloScenarios } from './hello.ts';
import { imageRoot } from './image-root.ts';
import { memory, memoryPerSandbox } from './memory.ts';
import { nomadScenarios } from './nomad.ts';
import { overhead } from './overhead.ts';
import { paced } from './pace.ts';
import { sandboxCost } from './sandbox-cost.ts';
import { postgresqlQuery } from './sql.ts';
import { throughputScenarios } from './throughput.ts';

/** In the order they run. `memory` comes after load: what the processes need at rest, having worked. */
export const scenarios: readonly Scenario[] = [
  ...helloScenarios,
  postgresqlQuery,
  imageRoot,
  overhead,
  ...throughputScenarios,
  paced,
  memory,
  memoryPerSandbox,
  dispatcherThroughput,
  dispatcherFleet,
  sandboxCost,
  ...nomadScenarios,
];

/** Scenarios that one name stands for. */
export const groups: Readonly<Record<string, readonly Scenario[]>> = { nomad: nomadScenarios };

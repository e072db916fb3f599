import type { Scenario } from '../scenario.ts';
import { helloScenarios } from './hello.ts';

/** In the order they run. `memory` comes after load: what the processes need at rest, having worked. */
export const scenarios: readonly Scenario[] = [...helloScenarios];

import type {
  ExecutionRequestInput,
  ExecutionResult,
  Outcome,
  Stage,
} from '../../service/contracts/execution.ts';
import type { Service } from '../harness/start-service.ts';
import type { Way } from './way.ts';

/** Facts of the host that programs are told, as JSON in their first argument where they ask for `{context}`. */
export interface Context {
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly servicePort: number;
  readonly servicePid: number;
  readonly sentinelPid: number;
  readonly hostAddresses: readonly string[];
  readonly abstractName: string;
  readonly socketPath: string;
  /** Readable by root only, and by everybody; their content is known to the runner alone. */
  readonly secretFile: string;
  readonly openSecretFile: string;
  readonly stateDir: string;
  readonly repository: string;
  readonly hostname: string;
  readonly namespaces: Readonly<Record<string, string>>;
  /** How the sandboxes of the service are made. */
  readonly way: Way;
}

/** Says what is wrong; nothing when all is well. */
export type Check = (result: ExecutionResult, stage: Stage) => readonly string[];

export interface ProgramAttack {
  readonly name: string;
  readonly runtime: string;
  /** A file under src/, or the text itself. The prelude of its language goes in front of a file. */
  readonly program?: string;
  readonly code?: string;
  /** `{context}` becomes the Context as JSON. */
  readonly args?: readonly string[];
  readonly request?: Partial<ExecutionRequestInput>;
  readonly stage?: 'compile' | 'run';
  readonly outcome: Outcome | readonly Outcome[];
  /** At least this many `held:` lines; a `BROKEN:` line always fails. */
  readonly held?: number;
  readonly check?: Check;
  /** From request to answer. */
  readonly maxMs: number;
  /** Only these; all where absent. */
  readonly ways?: readonly Way[];
}

export interface RequestAttack {
  readonly name: string;
  /** Sent as it is where it is a string, as JSON otherwise. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number | readonly number[];
  readonly code?: string;
  /** A fault must be reported at this path. */
  readonly path?: string;
  readonly maxMs?: number;
}

export interface ScenarioAttack {
  readonly name: string;
  readonly runtimes: readonly string[];
  readonly maxMs: number;
  readonly ways?: readonly Way[];
  readonly run: (
    service: Service,
    context: Context,
  ) => Promise<{ outcome: string; faults: readonly string[] }>;
}

export type Attack = ProgramAttack | RequestAttack | ScenarioAttack;

export const isScenario = (attack: Attack): attack is ScenarioAttack => 'run' in attack;
export const isRequest = (attack: Attack): attack is RequestAttack => 'body' in attack;

export interface Verdict {
  readonly name: string;
  readonly theme: string;
  readonly way: string;
  readonly outcome: string;
  readonly ms: number;
  readonly held: boolean;
  readonly skipped?: string;
  readonly faults: readonly string[];
}

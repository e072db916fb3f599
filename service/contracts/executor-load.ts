import type { ExecutorStatus } from './executor-api.ts';

/** Goes with each answer to an execution that is not streamed, so that a busy executor need not be asked how it is. */
export const loadHeader = 'paddock-load';

/** How an executor is at the moment of an answer; the execution that was answered no longer counts. */
export interface ExecutorLoad {
  readonly running: number;
  readonly maxRunning: number;
  readonly state: ExecutorStatus['state'];
  /** Revision of what it serves, as in its status. */
  readonly catalogue: string;
  /** Warm sandboxes of the execution's runtime; undefined where the request was refused unread. */
  readonly warm: number | undefined;
}

/** `running=3;max=4;state=ready;catalogue=1f3a;warm=2` */
export const formatLoad = ({ running, maxRunning, state, catalogue, warm }: ExecutorLoad): string =>
  `running=${running};max=${maxRunning};state=${state};catalogue=${catalogue}${warm === undefined ? '' : `;warm=${warm}`}`;

const form =
  /^running=(\d{1,6});max=(\d{1,6});state=(starting|ready|draining);catalogue=([\w-]{1,64})(?:;warm=(\d{1,6}))?$/;

const isState = (text: string | undefined): text is ExecutorStatus['state'] =>
  text === 'starting' || text === 'ready' || text === 'draining';

/** undefined where there is none, or none that makes sense: then its status has to be asked for. */
export const parseLoad = (text: unknown): ExecutorLoad | undefined => {
  if (typeof text !== 'string') return undefined;
  const [, running, maxRunning, state, catalogue, warm] = form.exec(text) ?? [];
  if (catalogue === undefined || !isState(state)) return undefined;
  return {
    running: Number(running),
    maxRunning: Number(maxRunning),
    state,
    catalogue,
    warm: warm === undefined ? undefined : Number(warm),
  };
};

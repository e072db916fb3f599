import { problemSchema } from '../../service/contracts/errors.ts';
import type { ExecutionRequestInput } from '../../service/contracts/execution.ts';
import { execute, post } from '../harness/client.ts';
import type { Service } from '../harness/start-service.ts';
import type { Context, ProgramAttack, RequestAttack } from './attack.ts';
import { brokenLines, heldCount, sourceOf } from './source.ts';

export interface Performed {
  readonly outcome: string;
  readonly ms: number;
  readonly faults: readonly string[];
}

const listed = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

const excerpt = (text: string): string => JSON.stringify(text.slice(0, 300));

/** Every request carries the marker, so that what is left of it can be found. */
const requestOf = (attack: ProgramAttack, context: Context, marker: string): ExecutionRequestInput => {
  const { args, ...rest } = attack.request ?? {};
  const code = attack.program === undefined ? attack.code : sourceOf(attack.program);
  return {
    runtime: attack.runtime,
    ...(rest.files ? {} : { code }),
    ...rest,
    ...(rest.stdin === undefined ? { stdin: `${marker}\n` } : {}),
    args: (args ?? []).map((arg) => (arg === '{context}' ? JSON.stringify(context) : arg)),
    env: { ATTACK_MARKER: marker, ...rest.env },
    metadata: { attack: attack.name },
  };
};

export const performProgram = async (
  attack: ProgramAttack,
  service: Service,
  context: Context,
  secrets: readonly string[],
  marker: string,
): Promise<Performed> => {
  const answer = await execute(service.url, requestOf(attack, context, marker));
  if (!answer.ok) {
    return {
      outcome: String(answer.status),
      ms: answer.ms,
      faults: [`answered ${JSON.stringify(answer.problem)}`],
    };
  }
  const { result, ms } = answer;
  const stage = attack.stage === 'compile' ? result.compile : (result.run ?? result.compile);
  if (!stage) return { outcome: 'none', ms, faults: ['the result has no such stage'] };
  const broken = [...brokenLines(result.run?.stdout ?? ''), ...brokenLines(result.compile?.stdout ?? '')];
  const whole = JSON.stringify(result) + Buffer.from(stage.stdout, stage.stdoutEncoding).toString('latin1');
  return {
    outcome: stage.outcome,
    ms,
    faults: [
      ...(attack.stage !== 'compile' && !result.run
        ? [`it did not compile: ${excerpt(result.compile?.stderr ?? '')} ${result.compile?.message ?? ''}`]
        : []),
      ...(listed(attack.outcome).includes(stage.outcome)
        ? []
        : [
            `outcome ${stage.outcome} instead of ${listed(attack.outcome).join(' or ')}; ${stage.message ?? ''} stdout ${excerpt(stage.stdout)} stderr ${excerpt(stage.stderr)}`,
          ]),
      ...broken,
      ...(heldCount(stage.stdout) >= (attack.held ?? 0)
        ? []
        : [`${heldCount(stage.stdout)} of ${attack.held} probes answered: ${excerpt(stage.stderr)}`]),
      ...(attack.check?.(result, stage) ?? []),
      ...secrets
        .filter((secret) => whole.includes(secret))
        .map(() => 'a secret of the host is in the answer'),
      ...(ms <= attack.maxMs ? [] : [`it took ${Math.round(ms)} ms where ${attack.maxMs} are allowed`]),
    ],
  };
};

export const performRequest = async (attack: RequestAttack, service: Service): Promise<Performed> => {
  const body = typeof attack.body === 'string' ? attack.body : JSON.stringify(attack.body);
  const answer = await post(service.url, '/v1/executions', body, { headers: { ...attack.headers } });
  const faults: string[] = [];
  const maxMs = attack.maxMs ?? 2_000;
  if (answer.ms > maxMs) faults.push(`it took ${Math.round(answer.ms)} ms where ${maxMs} are allowed`);
  if (!listed(attack.status).includes(answer.status)) {
    faults.push(
      `status ${answer.status} instead of ${listed(attack.status).join(' or ')}: ${excerpt(answer.text)}`,
    );
  }
  if (answer.status !== 200) {
    const problem = problemSchema.safeParse(JSON.parse(answer.text));
    if (!problem.success) faults.push(`no problem+json: ${excerpt(answer.text)}`);
    else {
      if (attack.code !== undefined && problem.data.code !== attack.code)
        faults.push(`code ${problem.data.code}`);
      if (attack.path !== undefined && !problem.data.errors?.some(({ path }) => path === attack.path)) {
        faults.push(`no fault at ${attack.path}: ${JSON.stringify(problem.data.errors)?.slice(0, 300)}`);
      }
    }
  }
  return { outcome: String(answer.status), ms: answer.ms, faults };
};

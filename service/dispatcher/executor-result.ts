import type { ExecutorResult } from '../contracts/executor-api.ts';

/**
 * Whether an executor's answer has all that is read of it here; the rest is passed on as it came. An executor is one of
 * our own processes, known by its token, and a program's output reaches it as strings only: so this is a guard against
 * an executor of another version, and going through the whole schema would cost more than all of placement.
 */
export const isExecutorResult = (value: unknown): value is ExecutorResult =>
  isObject(value) &&
  isObject(value.timings) &&
  timings.every((name) => isObject(value.timings) && Number.isFinite(value.timings[name])) &&
  Array.isArray(value.outputs) &&
  typeof value.warm === 'boolean' &&
  (value.compile === undefined || isStage(value.compile)) &&
  (value.run === undefined || isStage(value.run)) &&
  (value.tests === undefined || (Array.isArray(value.tests) && value.tests.every(isStage)));

const timings: readonly (keyof ExecutorResult['timings'])[] = [
  'preparedMs',
  'compileMs',
  'runMs',
  'collectMs',
  'totalMs',
];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const isStage = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.outcome === 'string' &&
  typeof value.stdout === 'string' &&
  typeof value.stderr === 'string' &&
  (value.resultSets === undefined || Array.isArray(value.resultSets));

import { z } from 'zod';
import { type LimitName, type PartialLimits, partialLimitsSchema } from '../contracts/limits.ts';
import { UsageError } from './context.ts';

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

/** `500ms`, `2s`, `1.5s`, `1m`, `1h`; a plain number is milliseconds. Answers whole milliseconds. */
export const parseDuration = (option: string, text: unknown): number => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?$/.exec(single(option, text));
  const value = match ? Math.round(Number(match[1]) * (units[match[2] ?? 'ms'] ?? 1)) : 0;
  if (value < 1) throw new UsageError(`${option} "${text}" is not a time; it looks like 500ms or 2s`);
  return value;
};

/** `64`, `64M`, `64MiB`, `1G`: answers MiB. */
export const parseMegabytes = (option: string, text: unknown): number => {
  const match = /^(\d+(?:\.\d+)?)\s*([mg])?(?:i?b)?$/i.exec(single(option, text));
  const value = match ? Math.round(Number(match[1]) * (match[2]?.toLowerCase() === 'g' ? 1_024 : 1)) : 0;
  if (value < 1) throw new UsageError(`${option} "${text}" is not a size in MiB; it looks like 64 or 1G`);
  return value;
};

const limitNames = Object.keys(partialLimitsSchema.shape) as LimitName[];
const isLimitName = (name: string): name is LimitName => limitNames.some((known) => known === name);
const numberSchema = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/)
  .transform(Number);

/** `memoryMb=64`, any number of times. What a limit may be is checked against the contract. */
export const parseLimits = (pairs: readonly string[]): PartialLimits => {
  const limits: Partial<Record<LimitName, number>> = {};
  for (const pair of pairs) {
    const [name, value] = splitPair('--limit', pair, 'memoryMb=64');
    if (!isLimitName(name)) {
      throw new UsageError(`--limit: there is no limit "${name}"; the limits are ${limitNames.join(', ')}`);
    }
    const number = numberSchema.safeParse(value);
    if (!number.success) throw new UsageError(`--limit ${name}: "${value}" is not a number`);
    limits[name] = number.data;
  }
  return checkLimits(limits);
};

export const checkLimits = (limits: PartialLimits): PartialLimits => {
  const checked = partialLimitsSchema.safeParse(limits);
  if (checked.success) return checked.data;
  const faults = checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new UsageError(`a limit is not possible: ${faults.join('; ')}`);
};

export const parseEnvironment = (pairs: readonly string[]): Record<string, string> =>
  Object.fromEntries(pairs.map((pair) => splitPair('--env', pair, 'NAME=value')));

/** An option that takes one value gives an array when it is given twice. */
export const single = (option: string, value: unknown): string => {
  if (typeof value !== 'string') throw new UsageError(`give ${option} once`);
  return value.trim();
};

const splitPair = (option: string, pair: string, example: string): [string, string] => {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`${option} "${pair}" should look like ${example}`);
  return [pair.slice(0, at), pair.slice(at + 1)];
};

const countSchema = z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1));

/** A whole number of at least 1. */
export const parseCount = (option: string, text: unknown): number => {
  const count = countSchema.safeParse(single(option, text));
  if (!count.success) throw new UsageError(`${option} "${text}" is not a whole number of at least 1`);
  return count.data;
};

/** 0 lets the system choose one. */
export const parsePort = (option: string, text: unknown): number => {
  const port = z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .pipe(z.int().max(65_535))
    .safeParse(single(option, text));
  if (!port.success)
    throw new UsageError(`${option} "${text}" is not a port; it is a number from 0 to 65535`);
  return port.data;
};

import { readFile } from 'node:fs/promises';
import { parse } from '@cdktn/hcl2json';
import { z } from 'zod';

const folder = new URL('../../../nomad/', import.meta.url);

/** A file in nomad/, as JSON. Blocks are lists below their type and labels; expressions are `${…}` in strings. */
export const readHcl = async (path: string): Promise<unknown> =>
  parse(path, await readFile(new URL(path, folder), 'utf8'));

const variablesSchema = z.record(z.string(), z.tuple([z.object({ default: z.unknown().optional() })]));

/**
 * With defaults in the place of `${var.NAME}`; other expressions stay as they are. `values` go before the defaults.
 */
export const resolveVariables = (
  file: { variable: unknown; job: unknown },
  values: Readonly<Record<string, unknown>> = {},
): unknown => {
  const variables = variablesSchema.parse(file.variable);
  const given = (name: string): unknown => (name in values ? values[name] : variables[name]?.[0].default);
  const resolve = (part: unknown): unknown => {
    if (typeof part === 'string') {
      const whole = /^\$\{var\.(\w+)\}$/.exec(part)?.[1];
      if (whole !== undefined) return given(whole);
      return part.replaceAll(/\$\{var\.(\w+)\}/g, (_, name: string) => String(given(name)));
    }
    if (Array.isArray(part)) return part.map(resolve);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, resolve(value)]));
  };
  return resolve(file.job);
};

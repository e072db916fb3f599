import { styleText } from 'node:util';
import { z } from 'zod';

const levels: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

const lineSchema = z.looseObject({
  level: z.number(),
  time: z.number(),
  msg: z.string().default(''),
});
const errorSchema = z.looseObject({ message: z.string().optional(), stack: z.string().optional() });

/** In every line, or said by what the log is of, or shown in another way. */
const unsaid: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'executor']);

/**
 * A line of an executor's log for people: time, level, message, fields; a stack on lines of its own. One that is not of
 * ours stays as it is. Nothing in it moves a terminal's cursor or turns text around.
 */
export const renderLogLine = (line: string, colours: boolean): string => {
  const event = parse(line);
  if (!event) return visible(line);
  const { err, ...others } = event;
  const fault = errorSchema.safeParse(err).data;
  const fields = Object.entries(others)
    .filter(([name]) => !unsaid.has(name))
    .map(([name, value]) => `${name}=${fieldText(value)}`);
  if (err !== undefined) fields.push(`err=${fieldText(fault?.message ?? err)}`);
  const words = [levels[event.level] ?? String(event.level), event.msg, ...fields].map(visible);
  const [level = '', ...rest] = words;
  const stack = (fault?.stack ?? '').split('\n').slice(1).map(visible);
  return [
    [timeText(event.time), painted(level.padEnd(5), event.level, colours), ...rest].join(' '),
    ...stack,
  ].join('\n');
};

const parse = (line: string): z.output<typeof lineSchema> | undefined => {
  if (!line.startsWith('{')) return undefined;
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
};

/** As ISO 8601 has it: nodes may stand in other time zones than whoever reads. */
const timeText = (time: number): string => {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
};

const fieldText = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);

const painted = (text: string, level: number, colours: boolean): string =>
  colours && level >= 40 ? styleText(level >= 50 ? 'red' : 'yellow', text, { validateStream: false }) : text;

/** Control characters as escapes. */
const visible = (text: string): string =>
  text.replace(/(?!\t)[\p{Cc}\p{Bidi_Control}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });

import Table from 'cli-table3';
import { meets, type Row } from './scenario.ts';

/** Three figures, and never more than they are worth. */
export const figure = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
};

const targetOf = ({ target, unit }: Row): string => {
  if (!target) return '';
  return `${target.at === 'most' ? '≤' : '≥'} ${target.limit}${target.on === 'ratio' ? '×' : ` ${unit}`}`;
};

const head = ['scenario', 'value', 'baseline', 'ratio', 'target', 'met', 'baseline is'];

const cells = (row: Row): string[] => {
  const met = meets(row);
  return [
    row.name,
    `${figure(row.value)} ${row.unit}`,
    `${figure(row.baseline)} ${row.unit}`,
    `${row.ratio.toFixed(row.ratio < 0.1 ? 3 : 2)}×`,
    targetOf(row),
    met === undefined ? '' : met ? '✓' : '✗',
    row.against,
  ];
};

const plain = {
  'top-mid': '',
  'mid-mid': '',
  'bottom-mid': '',
  middle: '',
  top: '',
  bottom: '',
  left: '',
  right: '',
};
const lines = {
  'top-left': '',
  'top-right': '',
  'bottom-left': '',
  'bottom-right': '',
  mid: '',
  'left-mid': '',
  'right-mid': '',
};

export interface NotMeasured {
  readonly name: string;
  readonly reason: string;
}

/** The table for people; without borders or colours, so that it also reads well in a file. */
export const tableOf = (rows: readonly Row[]): string => {
  const table = new Table({
    head,
    chars: { ...plain, ...lines },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left', 'left'],
  });
  for (const row of rows) table.push(cells(row));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
};

/** The same rows as a Markdown table, for docs/performance.md. */
export const markdownOf = (rows: readonly Row[]): string =>
  [head, ['---', '--:', '--:', '--:', '--:', ':-:', '---'], ...rows.map(cells)]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n');

export const jsonOf = (rows: readonly Row[], about: Readonly<Record<string, unknown>>): string => {
  const scenarios = rows.map(({ name, value, baseline, ratio, unit }) => ({
    name,
    value,
    baseline,
    ratio,
    unit,
  }));
  return `${JSON.stringify({ scenarios, ...about }, null, 2)}\n`;
};

export const closingLine = (
  rows: readonly Row[],
  skipped: readonly NotMeasured[],
  failed: readonly NotMeasured[],
): string => {
  const judged = rows.filter((row) => row.target);
  const met = judged.filter(meets).length;
  const named = (what: string, list: readonly NotMeasured[]): string[] =>
    list.length === 0 ? [] : [`${what}: ${list.map(({ name, reason }) => `${name} (${reason})`).join('; ')}`];
  return [
    `${met} of ${judged.length} targets met`,
    ...named('skipped', skipped),
    ...named('FAILED', failed),
  ].join('; ');
};

import type { Verdict } from './attack.ts';

const width = 38;

export const heading = `${'attack'.padEnd(width)} ${'outcome'.padEnd(15)} ${'ms'.padStart(7)}  held`;

export const row = (verdict: Verdict): string => {
  const mark = verdict.skipped !== undefined ? `- ${verdict.skipped}` : verdict.held ? '✓' : '✗';
  return [
    `${verdict.name.padEnd(width)} ${verdict.outcome.padEnd(15)} ${String(Math.round(verdict.ms)).padStart(7)}  ${mark}`,
    ...verdict.faults.map((fault) => `    ${fault}`),
  ].join('\n');
};

/** Ends with the line that scripts/test-suite.ts counts; what was skipped is named before it. */
export const closingLine = (verdicts: readonly Verdict[]): string => {
  const skipped = verdicts.filter((verdict) => verdict.skipped !== undefined);
  const failed = verdicts.filter((verdict) => verdict.skipped === undefined && !verdict.held);
  const passed = verdicts.length - skipped.length - failed.length;
  const lines = skipped.map(({ name, skipped: reason }) => `skipped: ${name}: ${reason}\n`);
  return `${lines.join('')}${passed} passed, ${failed.length} failed, ${skipped.length} skipped`;
};

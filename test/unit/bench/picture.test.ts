import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawPicture } from '../../bench/picture.ts';
import type { Row } from '../../bench/scenario.ts';

const row = (name: string, value: number, baseline: number): Row => ({
  ...{ name, value, baseline, ratio: value / baseline, unit: 'ms', against: 'x' },
});

const widths = (svg: string): number[] =>
  [...svg.matchAll(/<rect x="[\d.]+" y="\d+" width="([\d.]+)" height="40"/g)].map(([, width]) =>
    Number(width),
  );

describe('the picture', () => {
  const rows = [
    row('overhead', 5, 8),
    row('overhead-answer', 2, 8),
    row('overhead-run', 4, 8),
    row('python-throughput-cpu-sandboxes', 3, 4),
    row('python-throughput-cpu-executor', 1, 4),
    row('python-throughput-cpu-dispatcher', -0.2, 4),
  ];

  test('a bar is as long as the others, and its parts in proportion; what is missing is shown', () => {
    const [answer = 0, run = 0, missing = 0, sandboxes = 0, executor = 0, dispatcher] = widths(
      drawPicture(rows, ''),
    );
    assert.ok(Math.abs(answer + run + missing - (sandboxes + executor)) < 0.5);
    assert.ok(Math.abs(run / answer - 2) < 0.01 && Math.abs(missing / answer - 1) < 0.01);
    assert.equal(dispatcher, 0);
  });

  test('only what was measured is drawn', () => {
    const svg = drawPicture(rows.slice(0, 3), '');
    assert.equal(widths(svg).length, 3);
    assert.doesNotMatch(svg, /CPU time/);
  });

  test('it is XML that nothing in the footer can break, and asks for nothing from outside', () => {
    const svg = drawPicture(rows, 'a < b & c');
    assert.match(svg, /a &lt; b &amp; c/);
    assert.doesNotMatch(svg, /<script|href|url\(|@import/);
    assert.match(svg, /prefers-color-scheme: dark/);
  });
});

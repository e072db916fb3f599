import { figure } from './report.ts';
import type { Row } from './scenario.ts';
import { sum } from './statistics.ts';

interface Part {
  readonly label: string;
  readonly ms: number;
  readonly colour: Colour;
}

interface Bar {
  readonly title: string;
  readonly parts: readonly Part[];
}

/** Told apart by people who see colours differently, and legible on white as on black. */
const colours = {
  blue: { fill: '#0072b2', text: '#fff' },
  orange: { fill: '#e69f00', text: '#000' },
  green: { fill: '#008f68', text: '#fff' },
  sky: { fill: '#56b4e9', text: '#000' },
  red: { fill: '#d55e00', text: '#fff' },
  pink: { fill: '#cc79a7', text: '#000' },
  grey: { fill: '#8c8c8c', text: '#000' },
} as const;
type Colour = keyof typeof colours;

/** In the order of time, as far as there is one. */
const steps: readonly (readonly [row: string, label: string, colour: Colour])[] = [
  ['overhead-answer', 'HTTP between the caller and the dispatcher', 'sky'],
  ['overhead-queue', 'waiting for a place', 'red'],
  ['overhead-dispatch', 'HTTP between the dispatcher and the executor', 'orange'],
  ['overhead-prepare', 'taking a warm sandbox', 'pink'],
  ['overhead-run', 'its file and the program, from go to its end', 'green'],
  ['overhead-collect', 'taking output files back', 'blue'],
];

const spenders: typeof steps = [
  ['python-throughput-cpu-sandboxes', 'making, running and removing the sandbox', 'green'],
  ['python-throughput-cpu-executor', 'executor', 'orange'],
  ['python-throughput-cpu-dispatcher', 'dispatcher', 'sky'],
  ['python-throughput-cpu-client', 'the benchmark itself', 'pink'],
  ['python-throughput-cpu-kernel', 'the kernel’s own threads, freeing namespaces', 'blue'],
  ['python-throughput-cpu-rest', 'interrupts, and whatever else ran', 'grey'],
];

/** Parts that are measured separately need not add up to the whole: what is missing is shown as well. */
const barOf = (
  rows: readonly Row[],
  parts: typeof steps,
  titleOf: (whole: number) => string,
): Bar | undefined => {
  const found = parts.flatMap(([name, label, colour]) => {
    const row = rows.find((candidate) => candidate.name === name);
    return row ? [{ label, colour, ms: Math.max(0, row.value), whole: row.baseline }] : [];
  });
  const whole = found[0]?.whole;
  if (whole === undefined) return undefined;
  const missing = whole - sum(found.map(({ ms }) => ms));
  const rest: Part[] =
    missing > whole * 0.01 ? [{ label: 'between the steps', ms: missing, colour: 'grey' }] : [];
  return { title: titleOf(whole), parts: [...found, ...rest] };
};

const WIDTH = 760;
const MARGIN = 24;
const INNER = WIDTH - 2 * MARGIN;
const BAR_HEIGHT = 40;
const LINE = 22;
/** Narrower parts hold no figure: the legend has it. */
const LABEL_WIDTH = 46;

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${attributes && ` ${attributes}`}>${escapeText(content)}</text>`;

/** A round step that gives four to ten ticks. */
const tickStep = (whole: number): number => {
  const power = 10 ** Math.floor(Math.log10(whole / 4));
  return ([1, 2, 5, 10].findLast((step) => step * power <= whole / 4) ?? 1) * power;
};

const ticks = (top: number, whole: number): string[] => {
  const step = tickStep(whole);
  return Array.from({ length: Math.floor(whole / step + 1e-9) + 1 }, (_, n) => {
    const x = MARGIN + ((n * step) / whole) * INNER;
    const label = Number((n * step).toPrecision(3));
    return (
      `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${top}" y2="${top + 5}"/>` +
      text(
        x,
        top + 18,
        `${label}${n === 0 ? ' ms' : ''}`,
        `class="tick"${n === 0 ? '' : ' text-anchor="middle"'}`,
      )
    );
  });
};

const drawBar = ({ title, parts }: Bar, top: number): { lines: string[]; height: number } => {
  const whole = sum(parts.map(({ ms }) => ms));
  const barTop = top + 34;
  const legendTop = barTop + BAR_HEIGHT + 46;
  const lines = [text(MARGIN, top + 20, title, 'class="title"')];
  let x = MARGIN;
  for (const [index, { label, ms, colour }] of parts.entries()) {
    const { fill, text: ink } = colours[colour];
    const width = (ms / whole) * INNER;
    const y = legendTop + index * LINE;
    lines.push(
      `<rect x="${x.toFixed(1)}" y="${barTop}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" fill="${fill}"/>`,
    );
    if (width >= LABEL_WIDTH)
      lines.push(
        text(
          x + width / 2,
          barTop + BAR_HEIGHT / 2 + 5,
          figure(ms),
          `style="fill:${ink}" text-anchor="middle"`,
        ),
      );
    lines.push(
      `<rect x="${MARGIN}" y="${y - 11}" width="12" height="12" rx="2" fill="${fill}"/>`,
      text(MARGIN + 20, y, label),
      text(MARGIN + 430, y, `${figure(ms)} ms`, 'text-anchor="end"'),
      text(MARGIN + 500, y, `${((ms * 100) / whole).toFixed(0)} %`, 'text-anchor="end"'),
    );
    x += width;
  }
  lines.push(...ticks(barTop + BAR_HEIGHT, whole));
  return { lines, height: legendTop - top + parts.length * LINE };
};

const STYLE = `
  svg { font: 14px system-ui, sans-serif; }
  text { fill: #1f2328; }
  line { stroke: #59636e; }
  .paper { fill: #fff; }
  .title { font-size: 16px; font-weight: 600; }
  .tick, .footer { fill: #59636e; font-size: 12px; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    line { stroke: #9198a1; }
    .paper { fill: #0d1117; }
    .tick, .footer { fill: #9198a1; }
  }
`;

/**
 * Where the time of one execution goes, and its CPU time under load, as far as the rows tell: an SVG without scripts or
 * anything from outside, in light or dark as its reader likes.
 */
export const drawPicture = (rows: readonly Row[], footer: string): string => {
  const bars = [
    barOf(
      rows,
      steps,
      (whole) => `One hello in Python, one at a time: ${figure(whole)} ms as the caller sees it`,
    ),
    barOf(rows, spenders, (whole) => `CPU time of one hello in Python under load: ${figure(whole)} ms`),
  ].filter((bar) => bar !== undefined);
  const lines: string[] = [];
  let top = 8;
  for (const bar of bars) {
    const drawn = drawBar(bar, top);
    lines.push(...drawn.lines);
    top += drawn.height + 12;
  }
  lines.push(text(MARGIN, top + 12, footer, 'class="footer"'));
  const height = top + 28;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escapeText(bars.map(({ title }) => title).join('. '))}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
};

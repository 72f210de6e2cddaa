import type { Environment } from './environment.ts';
import { timeRatio, type Timing } from './interleave.ts';
import { formatSeconds, renderEnvironment, renderTable } from './markdown.ts';

/** A timed case: what it computes and how long that took. */
export interface Row {
  readonly macs: number;
  /** Name of the row whose rate is this row's ceiling. */
  readonly peak?: string;
  readonly timing: Timing;
}

/** All rows of one suite, timed in the same run. */
export interface SuiteResult {
  readonly suite: string;
  readonly cachedTokens?: number;
  readonly notes?: readonly string[];
  readonly rows: readonly Row[];
}

/** What `npm run bench` finds. */
export function renderReport(
  environment: Environment,
  ceilings: string,
  results: readonly SuiteResult[],
  costs: readonly string[],
): string {
  return [
    ...renderEnvironment(environment),
    ceilings,
    '',
    'One thread, except in the tables of threads. `best` and `median` are over all samples. In a round all',
    'cases of a table run one after the other; `of peak` and `time ÷` compare the best samples of each',
    'round, and give the median round; `best of peak` compares the best sample of each, what the kernel',
    'does when nothing else runs.',
    'A MAC is one multiply-add of the formula, whatever the implementation spends.',
    '',
    ...results.flatMap((result) => [renderSuite(result), '']),
    ...costs,
  ].join('\n');
}

/** One suite as a Markdown section with a padded table, readable as plain text too. */
export function renderSuite({ suite, cachedTokens, notes, rows }: SuiteResult): string {
  const reference = findReference(rows);
  const header = [
    'case',
    'best',
    'median',
    'GMAC/s best',
    'GMAC/s median',
    'of peak',
    'best of peak',
  ];
  if (cachedTokens !== undefined) header.push('ns/token best', 'ns/token median');
  if (reference) header.push(`time ÷ ${reference.timing.name}`);
  const cells = rows.map((row) => {
    const { timing } = row;
    const line = [
      timing.name,
      formatSeconds(timing.best),
      formatSeconds(timing.median),
      (row.macs / timing.best / 1e9).toFixed(2),
      (row.macs / timing.median / 1e9).toFixed(2),
      formatPeak(row, rows, (peak) => timeRatio(peak.timing, row.timing)),
      formatPeak(row, rows, (peak) => peak.timing.best / row.timing.best),
    ];
    const isCompared = !isProbe(row, rows);
    if (cachedTokens !== undefined) {
      const perToken = (seconds: number) => ((seconds / cachedTokens) * 1e9).toFixed(1);
      line.push(...[timing.best, timing.median].map((s) => (isCompared ? perToken(s) : '')));
    }
    if (reference) line.push(isCompared ? timeRatio(timing, reference.timing).toFixed(2) : '');
    return line;
  });
  const paragraphs = (notes ?? []).map((note) => `\n${note}`);
  return [`## ${suite}`, '', ...renderTable([header, ...cells]), ...paragraphs].join('\n');
}

/** The first row that is no ceiling of another; alone it has nothing to be compared with. */
function findReference(rows: readonly Row[]): Row | undefined {
  const candidates = rows.filter((row) => !isProbe(row, rows));
  return candidates.length > 1 ? candidates[0] : undefined;
}

function isProbe(row: Row, rows: readonly Row[]): boolean {
  return rows.some((other) => other.peak === row.timing.name);
}

/** Rate of the row over the rate of its ceiling, given the ratio of their times. */
function formatPeak(row: Row, rows: readonly Row[], timeOf: (peak: Row) => number): string {
  if (row.peak === undefined) return '';
  const peak = rows.find((other) => other.timing.name === row.peak);
  if (!peak) throw new Error(`"${row.timing.name}" expected a case "${row.peak}" in its suite`);
  return ((row.macs / peak.macs) * timeOf(peak)).toFixed(3);
}

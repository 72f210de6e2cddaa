import type { Environment } from '../../bench/environment.ts';

/** A machine for reports of benchmarks. */
export const ENVIRONMENT: Environment = {
  cpu: 'Some CPU',
  cores: 2,
  os: 'Linux 6.1 x64',
  engine: 'Node 24.0.0 (V8 13.6)',
  flags: ['--liftoff-only'],
  commit: 'abc1234+',
  date: '2026-11-22',
};

/** Rows of the tables of a report, as cells. */
function rowsOf(markdown: string): string[][] {
  return markdown.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Cells after those that a row starts with; throws unless exactly one row does. */
export function cellsOf(markdown: string, ...start: string[]): string[] {
  const rows = rowsOf(markdown).filter((row) => start.every((cell, i) => row[i] === cell));
  if (rows.length !== 1) throw new Error(`${rows.length} rows start with ${start.join(', ')}`);
  return rows[0]!.slice(start.length);
}

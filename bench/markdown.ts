import type { Environment } from './environment.ts';

/** Where a run took place, as list items. */
export function renderEnvironment(environment: Environment): string[] {
  const { cpu, cores, os, engine, flags, commit, date } = environment;
  return [
    `- Machine: ${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${os}`,
    `- Engine: ${engine}, flags: ${flags.length > 0 ? flags.join(' ') : 'none'}`,
    `- Commit: ${commit}${commit.endsWith('+') ? ' (with uncommitted changes)' : ''}, ${date}`,
  ];
}

/** Three digits and a unit. */
export function formatSeconds(seconds: number): string {
  if (seconds >= 1) return `${seconds.toPrecision(3)} s`;
  if (seconds >= 1e-3) return `${(seconds * 1e3).toPrecision(3)} ms`;
  return `${(seconds * 1e6).toPrecision(3)} µs`;
}

/** First column flush left, numbers flush right; readable as plain text too. */
export function renderTable(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const [header, ...body] = lines.map((line) => `| ${line.map(pad).join(' | ')} |`);
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [header ?? '', `| ${rule.join(' | ')} |`, ...body];
}

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RUNTIMES } from './find.ts';
import type { Host } from './hosts/host.ts';
import { VERDICTS } from './verdicts.ts';

/** A row of the README's table. */
export interface Row {
  readonly title: string;
  readonly kernels: string;
  readonly conformance: string;
  readonly notes: string;
}

/** What a run of the tests came to. */
export interface Matrix {
  readonly rows: readonly Row[];
  /** What could not be had, by name. */
  readonly skipped: readonly string[];
}

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const MATRIX = `${RUNTIMES}matrix.json`;
const HEAD = ['runtime', 'how the kernels get there', 'conformance', ''];
/** Where the table begins and ends. */
const BEGIN = '<!-- runtimes: npm run matrix:readme -->\n';
const END = '<!-- /runtimes -->';

/** What a host shows after so many failures in all of its variants. */
export function rowOf({ title, kernels, notes, variants }: Host, failures: number): Row {
  const all = VERDICTS.length * variants.length;
  return { title, kernels, conformance: `${all - failures} of ${all}`, notes };
}

/** Writes down what ran and what could not. */
export function writeMatrix(matrix: Matrix): void {
  writeFileSync(MATRIX, `${JSON.stringify(matrix, null, 2)}\n`);
}

/** The rows that the README shows. */
export function readRows(): Row[] {
  const { table } = splitReadme();
  const lines = table.trim().split('\n').slice(2);
  return lines.map((line) => {
    const [title = '', kernels = '', conformance = '', notes = ''] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return { title, kernels, conformance, notes };
  });
}

/** Writes what ran last into the README. @throws Error if something could not run */
export function updateReadme(): void {
  const { rows, skipped } = JSON.parse(readFileSync(MATRIX, 'utf8')) as Matrix;
  if (skipped.length > 0) throw new Error(`not everything ran: ${skipped.join('; ')}`);
  const { before, after } = splitReadme();
  writeFileSync(README, `${before}${BEGIN}\n${tableOf(rows)}\n${after}`);
}

function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.title, row.kernels, row.conformance, row.notes]);
  const lines = [HEAD, HEAD.map(() => '---'), ...cells];
  return lines.map((line) => `| ${line.join(' | ')} |\n`).join('');
}

function splitReadme(): { before: string; table: string; after: string } {
  const text = readFileSync(README, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md expected ${BEGIN} … ${END}`);
  return {
    before: text.slice(0, begin),
    table: text.slice(begin + BEGIN.length, end),
    after: text.slice(end),
  };
}

/** A label and what it says. */
export type Row = readonly [label: string, value: string];

/** Rows in two aligned columns, each a line. */
export function renderTable(rows: readonly Row[], indent = ''): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${indent}${label.padEnd(width)}  ${value}\n`).join('');
}

const COUNTS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const FRACTIONS = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** `1,234,567`. */
export function count(value: number): string {
  return COUNTS.format(value);
}

/** `3.2`. */
export function decimals(value: number): string {
  return FRACTIONS.format(value);
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Timing } from '../../bench/interleave.ts';
import { renderSuite, type Row } from '../../bench/report.ts';

const test = suite('bench report');

/** One sample a round. */
function timing(name: string, ...rounds: number[]): Timing {
  const sorted = rounds.toSorted((a, b) => a - b);
  return { name, rounds, best: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]! };
}

// The machine is twice as slow in the second round, for everyone.
const probe: Row = { macs: 2e9, timing: timing('FMA peak', 0.1, 0.2, 0.1) };
const kernel: Row = { macs: 15e6, peak: 'FMA peak', timing: timing('kernel', 0.001, 0.002, 0.001) };
const peer: Row = { macs: 15e6, timing: timing('peer', 0.004, 0.008, 0.004) };

test('a row has times, MAC rates, fraction of the peak, ns per token, and time over the first', () => {
  const markdown = renderSuite({ suite: 's', cachedTokens: 1000, rows: [probe, kernel, peer] });
  assert.equal(cellsOf(markdown, 'case'), [
    'best',
    'median',
    'GMAC/s best',
    'GMAC/s median',
    'of peak',
    'best of peak',
    'ns/token best',
    'ns/token median',
    'time ÷ kernel',
  ]);
  const best = ['1.00 ms', '1.00 ms', '15.00', '15.00', '0.750', '0.750'];
  assert.equal(cellsOf(markdown, 'kernel'), [...best, '1000.0', '1000.0', '1.00']);
  const slow = ['4.00 ms', '4.00 ms', '3.75', '3.75', '', '', '4000.0', '4000.0', '4.00'];
  assert.equal(cellsOf(markdown, 'peer'), slow);
  // a probe is no reference, and has no ratio or time per token
  const fast = ['100 ms', '100 ms', '20.00', '20.00', '', '', '', '', ''];
  assert.equal(cellsOf(markdown, 'FMA peak'), fast);
});

test('of peak is the median round, best of peak the best samples of any rounds', () => {
  const slowest = { ...kernel, timing: timing('kernel', 0.001, 0.002, 0.0008) };
  const markdown = renderSuite({ suite: 's', rows: [probe, slowest] });
  assert.equal(cellsOf(markdown, 'kernel').slice(4), ['0.750', '0.938']);
});

test('a peak that is not in the suite throws', () => {
  assert.throws(
    () => renderSuite({ suite: 's', rows: [kernel] }),
    /"kernel" expected a case "FMA peak" in its suite/,
  );
});

test.run();

/** Cells after the first of the one row that starts with `name`. */
function cellsOf(markdown: string, name: string): string[] {
  const rows = markdown.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const [row, ...others] = rows.filter((cells) => cells[1] === name);
  assert.is(others.length, 0, name);
  return row!.slice(2, -1);
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { renderChart } from '../../bench/mechanisms/chart.ts';
import { findings } from '../../bench/mechanisms/findings.ts';
import { cacheBytes, MECHANISMS } from '../../bench/mechanisms/mechanisms.ts';
import type { DimResult, Measured, Skipped } from '../../bench/mechanisms/result.ts';
import { renderSection } from '../../bench/mechanisms/section.ts';
import { cellsOf, ENVIRONMENT } from './markdown.ts';

const test = suite('bench mechanisms section');

const HEADS = 32;
const PEAK_RATE = 20e9;
const TPA_NS = 200;

/** Times TPA's by mechanism, in the order of the contexts; a text is why it was left out. */
type Ratios = Readonly<Record<string, readonly (number | string)[]>>;

function resultOf(tokens: readonly number[], ratios: Ratios): DimResult {
  const contexts = tokens.map((count, at) => ({
    tokens: count,
    peakRate: PEAK_RATE,
    points: MECHANISMS.map((mechanism): Measured | Skipped => {
      const size = { mechanism, cacheBytes: cacheBytes(mechanism, HEADS, count) };
      const ratio = mechanism.name === 'TPA' ? 1 : ratios[mechanism.name]![at]!;
      if (typeof ratio === 'string') return { ...size, reason: ratio };
      const best = count * TPA_NS * 1e-9 * ratio;
      const macs = count * mechanism.macsPerToken(HEADS) + mechanism.macsPerStep(HEADS);
      const timing = { name: mechanism.name, rounds: [best, 2 * best], best, median: 1.5 * best };
      return { ...size, macs, timing };
    }),
  }));
  return { dim: 2048, heads: HEADS, contexts };
}

const TOKENS = [4096, 8192, 16384, 32768];
const RESULT = resultOf(TOKENS, {
  MHA: [2, 3, 4, 'no memory'],
  MQA: [0.5, 0.8, 0.9, 0.94],
  'GQA-4': [0.8, 1.04, 1.2, 1.5],
  MLA: [8, 8, 8, 8],
});

function findingOn(name: string, result = RESULT): string {
  return findings(result).find((text) => text.startsWith(`Against ${name},`)) ?? '';
}

test('who is the fastest, and where TPA wins, loses or is level within 5 %, is said with ratios', () => {
  assert.is(findings(RESULT)[0], 'The fastest: MQA at 4,096 to 32,768 tokens.');
  assert.match(
    findingOn('MHA'),
    /^Against MHA, TPA wins at every context: MHA takes 2\.00 to 4\.00 times as long\./,
  );
  assert.match(
    findingOn('MQA'),
    /TPA loses at every context: MQA takes 0\.50 to 0\.94 times as long/,
  );
  assert.match(
    findingOn('GQA-4'),
    /TPA wins at 16,384 and 32,768 tokens, is level at 8,192 tokens, loses at 4,096 tokens: GQA-4 takes 0\.80 to 1\.50/,
  );
  assert.match(findingOn('MLA'), /wins at every context: MLA takes 8\.00 times as long/);
});

test('the reason is arithmetic and its rate, hand-computed', () => {
  // MHA at its last context, 16,384: 4096 / 3584 MACs = 1.14; 16384 / 768 bytes = 21.3; rate 1.14 / 4
  const mha = findingOn('MHA');
  assert.match(mha, /At 16,384 it does 1\.14 times the multiply-adds on 21\.3 times the bytes/);
  assert.match(mha, /at 0\.29 times the rate; the larger part of the difference is the rate/);
  // 16384 B / 800 ns; 4096 MACs / 16384 B = 0.25 a byte; 20e9 / 0.25
  assert.match(mha, /reads 20\.5 GB\/s; at the FMA peak it would read 80\.0 GB\/s, 0\.25 mult/);
  // 33792 / 3584 = 9.43, and 2,097,152 more a step: 9.45 at 32,768; 9.45 / 8 = 1.18
  assert.match(findingOn('MLA'), /9\.45 times the mult.* at 1\.18 times .* is its arithmetic/);
});

test('a row has cache, times, rates, fraction of the peak and time over TPA', () => {
  const markdown = renderSection(ENVIRONMENT, 'relaxed', [RESULT]);
  // 8,192 tokens of MHA at 600 ns: 134.2 MB, 4.92 ms; 4096 / 600 = 6.83; / 20; 16384 / 600
  assert.equal(cellsOf(markdown, '8,192', 'MHA'), [
    '134.22',
    '4.92 ms',
    '7.37 ms',
    '600.0',
    '6.83',
    '0.341',
    '27.31',
    '3.00',
  ]);
  assert.is(cellsOf(markdown, '8,192', 'TPA').at(-1), '1.00');
  assert.is(cellsOf(markdown, '32,768', 'MHA')[1], 'left out: no memory');
  assert.not.match(markdown, /NaN|undefined|Infinity/);
});

test('a chart names every mechanism, is the same bytes each time, and leaves out what was', () => {
  const svg = renderChart(RESULT);
  assert.is(renderChart(RESULT), svg);
  for (const { name } of MECHANISMS) assert.ok(svg.includes(`>${name}</text>`), name);
  const ratios = { MHA: [2, 3, 4, 4], MQA: [1, 1, 1, 1], 'GQA-4': [1, 1, 1, 1], MLA: [8, 8, 8, 8] };
  // its time and its bytes
  assert.is(marks(renderChart(resultOf(TOKENS, ratios))) - marks(svg), 2);
});

test.run();

/** Marks in the colour of MHA. */
function marks(svg: string): number {
  return svg.split('fill="#d55e00"').length - 1;
}

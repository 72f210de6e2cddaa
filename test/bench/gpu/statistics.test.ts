import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pairedRatio, relativeError, worstOutlier } from '../../../bench/gpu/statistics.ts';

const test = suite('bench gpu statistics');

test('relativeError() is of norms, and NaN where lengths or numbers are wrong', () => {
  assert.is(relativeError([3, 4], [3, 4]), 0);
  // |(0, 1)| / |(3, 4)|
  assert.is(relativeError([3, 5], [3, 4]), 0.2);
  assert.ok(Number.isNaN(relativeError([3], [3, 4])));
  assert.ok(Number.isNaN(relativeError([3, Number.NaN], [3, 4])));
});

test('pairedRatio() compares within rounds, so that a slow spell cancels out', () => {
  assert.is(pairedRatio([2, 20, 2], [1, 10, 1]), 2);
});

test('worstOutlier() finds a staircase step and a spike, and none on a slope', () => {
  const slope = Array.from({ length: 9 }, (_, i) => 10 + i);
  assert.ok(worstOutlier(slope)!.ratio < 1.15);
  assert.is(worstOutlier([1, 2]), undefined);
  const spike = slope.map((value, i) => (i === 4 ? 28 : value));
  // neighbours 12, 13, 15, 16
  assert.equal(worstOutlier(spike), { index: 4, ratio: 2 });
  // the last before the fall: 10, 10 and after it 4, 4 have the median 7
  const stairs = [10, 10, 10, 4, 4, 4];
  const { index, ratio } = worstOutlier(stairs)!;
  assert.is(index, 2);
  assert.ok(Math.abs(ratio - 10 / 7) < 1e-12);
});

test.run();

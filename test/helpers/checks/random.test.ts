import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRandom } from './random.ts';

const test = suite('createRandom()');

test('the same seed repeats, neighbouring seeds differ', () => {
  assert.equal(createRandom(5).normal(9), createRandom(5).normal(9));
  assert.not.equal(createRandom(5).normal(9), createRandom(6).normal(9));
  assert.ok(createRandom(-1).next() > 0, 'the seed that would leave a state of 0');
});

test('20,000 normal numbers have mean 0 ± 0.05, deviation 2 ± 0.05 and no NaN', () => {
  const values = createRandom(1).normal(20_000, 2);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.05, `mean ${mean}`);
  assert.ok(Math.abs(Math.sqrt(variance) - 2) < 0.05, `variance ${variance}`);
});

test('uniform numbers and integers fill their range and stay inside', () => {
  const random = createRandom(2);
  const values = random.uniform(5000, -3, 2);
  assert.ok(Math.min(...values) >= -3 && Math.min(...values) < -2.9);
  assert.ok(Math.max(...values) <= 2 && Math.max(...values) > 1.9);
  const integers = new Set(Array.from({ length: 200 }, () => random.integer(4, 7)));
  assert.equal([...integers].toSorted(), [4, 5, 6, 7]);
});

test.run();

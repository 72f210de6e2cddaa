import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Budget, largestThatFits } from '../../../bench/gpu/budget.ts';

const test = suite('bench gpu budget');

test('what is left of the time and of a share of it follows the clock', () => {
  let now = 5000;
  const budget = new Budget(100, () => now);
  assert.is(budget.spent, 0);
  assert.is(budget.left(), 100);
  now += 30_000;
  assert.is(budget.spent, 30);
  assert.is(budget.left(), 70);
  assert.is(budget.left(0.5), 20);
  assert.is(budget.left(0.2), -10);
});

test('the first size whose cost fits is chosen, none if none does', () => {
  assert.is(largestThatFits([512, 256, 64], 3, cost), 256);
  assert.is(largestThatFits([512, 256, 64], 5.12, cost), 512);
  assert.is(largestThatFits([512, 256, 64], 0.6, cost), undefined);
  assert.is(largestThatFits([512, 256, 64], -1, cost), undefined);
});

test.run();

/** Seconds that so many tokens take. */
function cost(tokens: number): number {
  return tokens / 100;
}

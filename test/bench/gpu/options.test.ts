import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Budget, largestThatFits } from '../../../bench/gpu/budget.ts';
import { readOptions } from '../../../bench/gpu/options.ts';
import { planOf } from '../../../bench/gpu/plan.ts';

const test = suite('bench gpu options');

test('a full run is written, a quick one only where it is told to; contexts are sorted', () => {
  const { isBrowser, minutes, out } = readOptions([], '/folder');
  assert.equal({ isBrowser, minutes, out }, { isBrowser: false, minutes: 10, out: '/folder' });
  assert.is(readOptions(['--quick'], '/folder').out, undefined);
  assert.is(readOptions(['--quick', '--out', 'x'], '/folder').out, 'x');
  assert.equal(readOptions(['--contexts', '4096,512'], '').contexts, [512, 4096]);
  assert.equal(readOptions(['--flags=--a,--b=c'], '').flags, ['--a', '--b=c']);
  for (const wrong of ['--contexts=512,x', '--contexts=', '--contexts=5.5', '--minutes=0']) {
    assert.throws(() => readOptions([wrong], ''), /"--(contexts|minutes)" expected/, wrong);
  }
});

test('models have room for every context and for what needs 8,192 tokens', () => {
  assert.is(room([512]), 8256);
  assert.is(room([512, 65536]), 65600);
});

test('the largest size that fits in what is left of a share of the time is measured', () => {
  let now = 5000;
  const budget = new Budget(100, () => now);
  now += 30_000;
  assert.equal([budget.spent, budget.left(), budget.left(0.5)], [30, 70, 20]);
  assert.is(largestThatFits([512, 256, 64], 3, cost), 256);
  assert.is(largestThatFits([512, 256, 64], 0.6, cost), undefined);
});

test.run();

/** Tokens of the longest context that the model has room for. */
function room(contexts: number[]): unknown {
  return planOf({ minutes: 1, contexts }).forms.tpa.json['block_size'];
}

/** Seconds that so many tokens take. */
function cost(tokens: number): number {
  return tokens / 100;
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeFit, fitRows } from '../../../src/cli/report/fit.ts';

const CONFIG = { contextLength: 1000 };
const CACHE = { cacheBytesPerToken: 100, stateBytes: 0 };
const memory = (used: number, limit: number) => ({ used, limit, size: used });

const test = suite('whether a model fits');

test('needs what it has taken and the cache of its whole context', () => {
  assert.equal(describeFit(CONFIG, CACHE, memory(5000, 200_000), 300_000), {
    fits: true,
    context: 1000,
    neededBytes: 105_000,
    limitBytes: 200_000,
    machineBytes: 305_000,
  });
});

test('the limit and the machine bound the context; what is taken already counts as had', () => {
  const { fits, context } = describeFit(CONFIG, CACHE, memory(5000, 55_000), 300_000);
  assert.equal([fits, context], [false, 500]);
  assert.is(describeFit(CONFIG, CACHE, memory(5000, 200_000), 20_050).context, 200);
  assert.is(describeFit(CONFIG, CACHE, memory(5000, 4000), 20_000).context, 0);
  assert.ok(describeFit(CONFIG, CACHE, memory(5000, 105_000), 100_000).fits, 'to the byte');
});

test('a state of constant size takes the same whatever the context', () => {
  const linear = { cacheBytesPerToken: 0, stateBytes: 7 };
  const { fits, neededBytes } = describeFit(CONFIG, linear, memory(5000, 6000), 9000);
  assert.equal([fits, neededBytes], [true, 5021]);
  assert.ok(describeFit(CONFIG, linear, memory(5000, 5021), 9000).fits);
  assert.is(describeFit(CONFIG, linear, memory(5000, 5020), 9000).context, 0);
});

test('says so, and with which context it would', () => {
  assert.is(answer(1e6), 'yes, with its whole context of 1,000 tokens');
  assert.is(
    answer(55_000),
    'no, not with its whole context of 1,000 tokens, but with --context 500',
  );
  assert.is(answer(4000), 'no, not with its whole context of 1,000 tokens, nor with less');
});

test.run();

/** What is said with a limit of bytes. */
function answer(limit: number): string {
  return fitRows(describeFit(CONFIG, CACHE, memory(5000, limit), 1e9), CONFIG)[0]![1];
}

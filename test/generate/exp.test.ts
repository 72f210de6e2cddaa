import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exp, log } from '../../src/generate/exp.ts';
import { createRandom } from '../../src/generate/random.ts';

const test = suite('exp() and log()');

test('exp is within 1e-15 relative of Math.exp on [-708, 0], 200,000 points', () => {
  const random = createRandom(3);
  let worst = 0;
  for (let i = 0; i < 200_000; i++) {
    const x = -random.next() * (i % 2 === 0 ? 708 : 4);
    worst = Math.max(worst, Math.abs(exp(x) / Math.exp(x) - 1));
  }
  assert.ok(worst < 1e-15, `worst ${worst}`);
});

test('exp of subnormal results is within one unit of the smallest subnormal', () => {
  for (let x = -708; x > -745.1; x -= 0.01) {
    const expected = Math.exp(x);
    assert.ok(Math.abs(exp(x) - expected) <= Number.MIN_VALUE + expected * 1e-15, `at ${x}`);
  }
});

test('exp is exact at 0, 0 at -Infinity and below -746, NaN for NaN, monotone', () => {
  assert.is(exp(0), 1);
  assert.is(exp(-0), 1);
  assert.is(exp(-Infinity), 0);
  assert.is(exp(-746), 0);
  assert.ok(exp(-745) > 0);
  assert.ok(Number.isNaN(exp(NaN)));
  for (let x = -40; x < 0; x += 1e-3) assert.ok(exp(x) < exp(x + 1e-3));
});

test('log is within 1e-15 of Math.log on [1, 2^40]', () => {
  const random = createRandom(4);
  assert.is(log(1), 0);
  for (let i = 0; i < 20_000; i++) {
    const x = 2 ** (random.next() * 40);
    assert.ok(Math.abs(log(x) - Math.log(x)) <= 1e-15 * (1 + Math.log(x)), `at ${x}`);
  }
});

test.run();

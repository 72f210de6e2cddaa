import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, assertSame } from './close.ts';

const test = suite('close');
const options = { atol: 0.5, what: 'y' };

test('assertClose() passes at atol and fails above it, naming the worst index', () => {
  assertClose([1, 2.5], [1, 2], options);
  assert.throws(
    () => assertClose([1.6, 2, 5], [1, 2, 3], options),
    /^y: differs by 2 > 0\.5 at 2 of 3: got 5, expected 3$/,
  );
});

test('assertClose() fails on NaN on either side, also in both', () => {
  assert.throws(() => assertClose([1, NaN], [1, 2], options), /differs by NaN .* at 1 of 2/);
  assert.throws(() => assertClose([NaN, 9], [2, 2], options), /differs by NaN .* at 0 of 2/);
  assert.throws(() => assertClose([1], [NaN], options), /NaN/);
  assert.throws(() => assertClose([NaN], [NaN], options), /NaN/);
  assert.throws(() => assertClose([1], [1], { atol: NaN, what: 'y' }), /expected finite atol/);
});

test('assertClose() fails on unequal and zero lengths', () => {
  assert.throws(() => assertClose([1], [1, 2], options), /equal lengths above 0, got 1 and 2/);
  assert.throws(() => assertClose([1, 2], [1], options), /got 2 and 1/);
  assert.throws(() => assertClose([], [], options), /got 0 and 0/);
});

test('assertClose() passes equal infinities only', () => {
  assertClose([Infinity], [Infinity], options);
  assert.throws(() => assertClose([Infinity], [-Infinity], options), /differs by Infinity/);
});

test('assertSame() tells -0 from 0, passes NaN for NaN and names the first index', () => {
  assertSame([1, NaN, -0], [1, NaN, -0], 'y');
  assert.throws(() => assertSame([1, 2, 3], [1, 0, 0], 'y'), /^y: expected 0 at 1, got 2$/);
  assert.throws(() => assertSame([-0], [0], 'y'), /expected 0 at 0/);
  assert.throws(() => assertSame([], [], 'y'), /equal lengths above 0/);
});

test.run();

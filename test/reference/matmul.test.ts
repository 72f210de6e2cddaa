import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { matmul } from './matmul.ts';

const test = suite('matmul()');

test('multiplies x (2, 3) by the transpose of w (4, 3), by hand', () => {
  const x = [1, 2, 3, -1, 0, 2];
  const w = [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1];
  assert.equal([...matmul(x, w, 3)], [1, 2, 3, 6, -1, 0, 2, 1]);
});

test('rejects lengths that are not whole rows', () => {
  assert.throws(() => matmul([1, 2, 3], [1, 2], 2), /not multiples of 2/);
  assert.throws(() => matmul([1, 2], [1, 2, 3], 2), /not multiples of 2/);
});

test.run();

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { goldenFiles, loadGolden } from './golden.ts';

const test = suite('golden');

test('every fixture is found, with as many numbers as its shapes say, none of them NaN', () => {
  for (const [prefix, least] of [
    ['op_', 34],
    ['decode_', 2],
    ['model_', 8],
    ['', 47],
  ] as const) {
    assert.ok(goldenFiles(prefix).length >= least, prefix);
  }
  assert.throws(() => goldenFiles('none_'), /no golden file starts with "none_"/);
  for (const path of goldenFiles('')) {
    const { name, tensors } = loadGolden(path);
    assert.ok(tensors.size > 0, name);
    for (const [tensor, { shape, data }] of tensors) {
      const size = shape.reduce((product, n) => product * n, 1);
      assert.is(data.length, size, `${name} ${tensor}`);
      assert.not(data.includes(NaN), `${name} ${tensor}`);
    }
  }
});

test.run();

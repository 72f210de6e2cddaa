import * as assert from 'uvu/assert';
import { COUNTS, kernelSuite, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';

const EXTREMES = [0, -0, 1.401298464324817e-45, 3.4028234663852886e38, -3.4028234663852886e38];

await kernelSuite('isFinite()', ({ test, kernels, guard }) => {
  const random = createRandom(3);

  test('1 for finite numbers, the largest and smallest included, between NaN neighbours', () => {
    for (const count of [0, ...COUNTS]) {
      for (const misalignment of MISALIGNMENTS) {
        const x = random.normal(count).map((n, i) => EXTREMES[i] ?? n);
        assert.is(kernels.isFinite(guard().regionOf('x', x, misalignment).pointer, count), 1);
      }
    }
  });

  test('0 for one NaN or infinity in any place', () => {
    for (const count of COUNTS) {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const guarded = guard();
        const x = random.normal(count);
        const at = guarded.regionOf('x', x, 4);
        for (let i = 0; i < count; i++) {
          const broken = x.slice();
          broken[i] = bad;
          guarded.write(at, broken);
          assert.is(kernels.isFinite(at.pointer, count), 0, `${bad} at ${i} of ${count}`);
        }
      }
    }
  });

  test('0 for two bad numbers whose bits could cancel', () => {
    for (const pair of [
      [NaN, NaN],
      [Infinity, -Infinity],
    ]) {
      const x = new Float32Array(8);
      x.set([pair[0]!], 1);
      x.set([pair[1]!], 5);
      assert.is(kernels.isFinite(guard().regionOf('x', x).pointer, 8), 0);
    }
  });
});

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { createBench } from '../helpers/kernels/kernel-bench.ts';

for (const simd of BINARIES) {
  const test = suite(`fmaPeak(), ${simd}`);
  const { kernels } = await createBench(simd);

  test('sums twelve chains c = c · y + x run twice an iteration, 1e-5 relative', () => {
    for (const iterations of [1, 2, 3, 10, 100]) {
      const y = 1 / (iterations + 1);
      let [odd, even] = [y, iterations];
      for (let i = 0; i < 2 * iterations; i++) {
        odd = odd * y + iterations;
        even = even * y + iterations;
      }
      const expected = 4 * 6 * (odd + even);
      const relative = Math.abs(kernels.fmaPeak(iterations) / expected - 1);
      assert.ok(relative < 1e-5, `${iterations} iterations: ${relative}`);
    }
  });

  test.run();
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openProbes } from '../../bench/peak.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import { createGuardedMemory } from '../helpers/kernels/memory.ts';

for (const simd of BINARIES) {
  const test = suite(`fmaPeak() and readPeak(), ${simd}`);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const { fmaPeak, readPeak } = await openProbes(simd, memory);

  test('fmaPeak sums twelve chains c = c · y + x run twice an iteration, 1e-5 relative', () => {
    for (const iterations of [1, 2, 3, 10, 100]) {
      const y = 1 / (iterations + 1);
      let [odd, even] = [y, iterations];
      for (let i = 0; i < 2 * iterations; i++) {
        odd = odd * y + iterations;
        even = even * y + iterations;
      }
      const expected = 4 * 6 * (odd + even);
      const relative = Math.abs(fmaPeak(iterations) / expected - 1);
      assert.ok(relative < 1e-5, `${iterations} iterations: ${relative}`);
    }
  });

  test('readPeak sums every number once, and none beyond', () => {
    for (const numbers of [32, 64, 96, 3200]) {
      for (const misalignment of MISALIGNMENTS) {
        const x = Float32Array.from({ length: numbers }, (_, i) => i % 97);
        const guarded = createGuardedMemory({ memory, base: 1024 });
        const region = guarded.regionOf('x', x, misalignment);
        const expected = x.reduce((sum, number) => sum + number);
        assert.is(readPeak(region.pointer, numbers * 4), expected);
      }
    }
  });

  test.run();
}

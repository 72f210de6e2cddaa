import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { createBench, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';

for (const simd of BINARIES) {
  const test = suite(`readPeak(), ${simd}`);
  const bench = await createBench(simd);

  test('sums every number once, and none beyond', () => {
    for (const numbers of [32, 64, 96, 3200]) {
      for (const misalignment of MISALIGNMENTS) {
        const x = Float32Array.from({ length: numbers }, (_, i) => i % 97);
        const region = bench.guard().regionOf('x', x, misalignment);
        const expected = x.reduce((sum, number) => sum + number);
        assert.is(bench.kernels.readPeak(region.pointer, numbers * 4), expected);
      }
    }
  });

  test.run();
}

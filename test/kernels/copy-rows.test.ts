import { assertSame } from '../helpers/checks/close.ts';
import { COUNTS, kernelSuite, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { copyRows, type RowCopy } from '../reference/copy-rows.ts';

await kernelSuite('copyRows()', ({ test, kernels, guard }) => {
  const random = createRandom(22);

  /** Compares bit for bit: what the twin leaves NaN must still be NaN. */
  function check(copy: RowCopy, misalignment: (typeof MISALIGNMENTS)[number]): void {
    const { tokens, rows, count, outWidth, outStride, width, stride } = copy;
    const x = random.normal((tokens - 1) * stride + (rows - 1) * width + count);
    const length = (tokens - 1) * outStride + (rows - 1) * outWidth + count;
    const guarded = guard();
    const out = guarded.region('out', length, misalignment);
    const from = guarded.regionOf('x', x, misalignment);
    kernels.copyRows(
      out.pointer,
      from.pointer,
      tokens,
      rows,
      count,
      outWidth,
      outStride,
      width,
      stride,
    );
    guarded.assertCanaries();
    const what = JSON.stringify(copy);
    assertSame(guarded.read(out), copyRows(new Float32Array(length).fill(NaN), x, copy), what);
    assertSame(guarded.read(from), x, what);
  }

  test('copies rows of every token bit for bit, gaps of both sides untouched', () => {
    for (const count of COUNTS) {
      for (const [tokens, rows] of [
        [1, 1],
        [3, 1],
        [1, 3],
        [3, 5],
      ] as const) {
        for (const [gap, outGap] of [
          [0, 0],
          [5, 0],
          [0, 3],
          [2, 7],
        ] as const) {
          const [width, outWidth] = [count + gap, count + outGap];
          const sizes = { tokens, rows, count, width, outWidth };
          const strides = { stride: rows * width + 1, outStride: rows * outWidth + gap };
          for (const misalignment of MISALIGNMENTS) check({ ...sizes, ...strides }, misalignment);
        }
      }
    }
  });

  test('a width or stride of 0 repeats a row or a token of x', () => {
    const sizes = { tokens: 3, rows: 2, count: 7, outWidth: 9, outStride: 20 };
    check({ ...sizes, width: 0, stride: 7 }, 4);
    check({ ...sizes, width: 7, stride: 0 }, 0);
    check({ ...sizes, width: 0, stride: 0 }, 12);
  });
});

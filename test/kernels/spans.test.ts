import * as assert from 'uvu/assert';
import { assertSame } from '../helpers/checks/close.ts';
import { assertWithin, kernelSuite } from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';

/** Tokens of a page. */
const PAGE = 96;

await kernelSuite('decodeSpans() and mergeSpans()', ({ test, kernels, guard }) => {
  test('spans follow from the pages alone: one to 3 pages, in fours from 8 on, 32 at most', () => {
    for (const [pages, spans] of [
      [1, 1],
      [3, 1],
      [4, 2],
      [7, 2],
      [8, 4],
      [23, 4],
      [24, 8],
      [95, 28],
      [96, 32],
      [10_000, 32],
    ] as const) {
      assert.is(kernels.decodeSpans(0, pages * PAGE), spans, `${pages} pages`);
      assert.is(kernels.decodeSpans(0, (pages - 1) * PAGE + 1), spans, `${pages} pages, begun`);
      assert.is(kernels.decodeSpans(5 * PAGE + 95, (pages + 5) * PAGE), spans, 'a window');
    }
  });

  /** Partial results (spans, heads) with the given maxima, and what mergeSpans makes of them. */
  const merge = (maxima: readonly (readonly number[])[], valueDim: number, ranks: number) => {
    const guarded = guard();
    const [spans, heads] = [maxima.length, maxima[0]!.length];
    const random = createRandom(spans + valueDim);
    const row = Math.ceil(valueDim / 4) * 4;
    const shape = Int32Array.from({ length: 18 }, (_, i) => (i === 0 ? heads : 0));
    shape[2] = valueDim;
    const shapeAt = guarded.regionOf('shape', shape).pointer;
    const values = random.normal(spans * heads * row);
    const sums = maxima.map((of) => of.map(() => 1 + random.integer(0, 100)));
    const numbers = new Float32Array(kernels.partialsBytes(shapeAt) / 4).fill(NaN);
    numbers.set(values);
    for (const [unit, max] of maxima.flat().entries()) {
      numbers.set([sums.flat()[unit]!, max], 32 * heads * row + unit * 4);
    }
    const partials = guarded.regionOf('partials', numbers, 4).pointer;
    const out = guarded.region('out', heads * valueDim, 12);
    const run = (first: number, count: number) => {
      kernels.mergeSpans(out.pointer, partials, shapeAt, spans, ranks, first, count);
      guarded.assertCanaries();
      return guarded.read(out);
    };
    const expected = Float64Array.from({ length: heads * valueDim }, (_, i) => {
      const h = Math.floor(i / valueDim);
      const peak = Math.max(...maxima.map((of) => of[h]!));
      let [sum, value] = [0, 0];
      for (const [s, of] of maxima.entries()) {
        const weight = 2 ** (of[h]! - peak);
        sum += weight * sums[s]![h]!;
        value += weight * values[(s * heads + h) * row + (i % valueDim)]!;
      }
      return value / (sum * ranks);
    });
    return { run, expected, heads, valueDim };
  };

  test('mergeSpans weighs each span by its maximum, whichever is the greatest', () => {
    for (const [valueDim, ranks] of [
      [1, 1],
      [7, 2],
      [64, 3],
    ] as const) {
      for (const maxima of [
        [[3, -2.5]],
        [
          [3, -2.5],
          [-40.25, -2],
        ],
        [
          [-7, 0],
          [1.5, 0],
          [1, -300],
          [-1000, 4],
        ],
      ]) {
        const { run, expected, heads } = merge(maxima, valueDim, ranks);
        assertWithin(run(0, heads), expected, () => 4e-7, `${maxima.length} spans`);
      }
    }
  });

  test('mergeSpans writes the given heads only, and the same when it is called again', () => {
    const { run, heads, valueDim } = merge(
      [
        [1, 2, 3],
        [3, 1, 2],
      ],
      5,
      1,
    );
    const [before, one] = [run(1, 0), run(1, 1)];
    assert.ok(before.every(Number.isNaN));
    const written = Array.from(one, (x) => !Number.isNaN(x));
    assert.equal(
      written,
      written.map((_, i) => Math.floor(i / valueDim) === 1),
    );
    const all = run(0, heads);
    assertSame(
      all.subarray(valueDim, 2 * valueDim),
      one.subarray(valueDim, 2 * valueDim),
      'head 1',
    );
    assertSame(run(0, heads), all, 'again');
  });

  test('mergeSpans lets a NaN of any span through', () => {
    const { run, heads } = merge([[1], [NaN], [2]], 3, 1);
    assert.ok(run(0, heads).every(Number.isNaN));
  });
});

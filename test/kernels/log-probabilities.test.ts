import * as assert from 'uvu/assert';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import {
  assertWithin,
  COUNTS,
  kernelSuite,
  MISALIGNMENTS,
  ROUNDING,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import { logProbabilities } from '../reference/log-probabilities.ts';

/** As the kernel states it. */
const bound = (expected: number) => 2e-6 + ROUNDING * Math.abs(expected);

/** The largest vocabulary for which the bound is stated. */
const LARGEST = 2 ** 18;

await kernelSuite('logProbabilities()', ({ test, kernels, guard }) => {
  const random = createRandom(14);

  const score = (
    logits: Float32Array,
    ids: Int32Array,
    { misalignment = 0 as 0 | 4 | 12, gap = 5, isInPlace = false } = {},
  ): Float32Array => {
    const guarded = guard();
    const vocabSize = logits.length / ids.length;
    const ldl = vocabSize + gap;
    const from = guarded.regionOf('logits', withStride(logits, vocabSize, ldl), misalignment);
    const idsAt = guarded.regionOf('ids', ids, misalignment);
    const out = isInPlace ? idsAt : guarded.region('out', ids.length, misalignment);
    kernels.logProbabilities(out.pointer, from.pointer, idsAt.pointer, ids.length, vocabSize, ldl);
    guarded.assertCanaries();
    return guarded.read(out);
  };

  const idsOf = (rows: number, vocabSize: number) =>
    Int32Array.from({ length: rows }, () => random.integer(0, vocabSize - 1));

  const check = (logits: Float32Array, ids: Int32Array, what: string): void => {
    const expected = logProbabilities(logits, ids, logits.length / ids.length);
    assertWithin(score(logits, ids), expected, (i) => bound(expected[i]!), what);
  };

  test('equals the twin within its bound for every tail and misalignment, in place of ids too', () => {
    for (const vocabSize of [...COUNTS, 96, 2049]) {
      for (const misalignment of MISALIGNMENTS) {
        for (const scale of [1e-3, 1, 6, 40]) {
          const logits = random.normal(3 * vocabSize, scale);
          const ids = idsOf(3, vocabSize);
          const expected = logProbabilities(logits, ids, vocabSize);
          const actual = score(logits, ids, { misalignment });
          assertWithin(actual, expected, (i) => bound(expected[i]!), `${vocabSize}, ${scale}`);
          assertSame(score(logits, ids, { misalignment, isInPlace: true }), actual, 'in place');
        }
      }
    }
  });

  test(`keeps its bound for ${LARGEST} logits, whatever they look like`, () => {
    const shapes: Record<string, (i: number) => number> = {
      // a float32 that sums them one by one is off by 1e-3 and more for some of these
      'all alike': () => 0.1,
      'a lead of ln of their count': (i) => (i === 7 ? Math.log(LARGEST) : 0),
      'a slope': (i) => (-20 * i) / LARGEST,
      'far from 0': (i) => 300 + (i % 13),
      'two levels': (i) => (i % 2 === 0 ? 3.7 : 1.9),
    };
    for (const [what, shape] of Object.entries(shapes)) {
      const logits = Float32Array.from({ length: LARGEST + 1 }, (_, i) => shape(i));
      for (const id of [0, 7, LARGEST]) check(logits, Int32Array.of(id), `${what}, ${id}`);
    }
    for (const scale of [1, 10]) {
      check(random.normal(LARGEST - 1, scale), Int32Array.of(5), `normal, ${scale}`);
    }
  });

  test('shifts with all logits, and of one logit is 0', () => {
    const logits = random.normal(1001).map((x) => Math.fround(Math.round(x * 256) / 256));
    const ids = Int32Array.of(1000);
    const shifted = logits.map((x) => x + 64); // exact: 17 bits
    assertSame(score(shifted, ids), score(logits, ids), 'shifted by 64');
    assertSame(score(Float32Array.of(-3e38), Int32Array.of(0)), new Float32Array(1), 'one logit');
  });

  test('neither overflows nor loses what float32 holds: logits of 3e38, a difference of 200', () => {
    const large = Float32Array.of(3e38, 3e38, -3e38, 0);
    assertWithin(score(large, Int32Array.of(1)), [-Math.LN2], () => 1e-6, '3e38');
    assertSame(score(large, Int32Array.of(2)), Float32Array.of(-Infinity), 'beyond float32');
    assertWithin(
      score(Float32Array.of(0, -200, -1e4), Int32Array.of(1)),
      [-200],
      () => 1e-5,
      '-200',
    );
  });

  test('NaN for a row with one NaN or infinity anywhere, and for no other row', () => {
    for (const vocabSize of [1, 3, 4, 7, 33]) {
      for (const bad of [NaN, Infinity, -Infinity]) {
        for (let at = 0; at < vocabSize; at++) {
          const logits = random.normal(3 * vocabSize);
          logits[vocabSize + at] = bad;
          const found = score(logits, new Int32Array(3));
          const isBad = Array.from(found, Number.isNaN);
          assert.equal(isBad, [false, true, false], `${bad} at ${at} of ${vocabSize}`);
        }
      }
    }
  });
});

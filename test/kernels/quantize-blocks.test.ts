import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRandom } from '../helpers/checks/random.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import {
  COUNTS,
  createBench,
  type KernelBench,
  kernelSuite,
  MISALIGNMENTS,
} from '../helpers/kernels/kernel-bench.ts';
import { halfToNumber, nearestHalf, roundEven } from '../reference/half.ts';
import { BLOCK, BLOCK_BYTES, numbersOfBlocks } from '../reference/quantized.ts';

const { fround } = Math;
const random = createRandom(14);

/** Blocks of rows x (rows, k), their numbers, and what was added to the errors. */
function quantize(
  { kernels, guard }: KernelBench,
  x: Float32Array,
  k: number,
  bits: 8 | 4,
  misalignment: (typeof MISALIGNMENTS)[number] = 0,
) {
  const rows = x.length / k;
  const guarded = guard();
  const from = guarded.regionOf('x', x, misalignment);
  const length = (rows * Math.ceil(k / BLOCK) * BLOCK_BYTES) / 4;
  const out = guarded.region('out', length, misalignment);
  const before = Float64Array.of(0.25, 4);
  const sums = guarded.regionOf('errors', new Int32Array(before.buffer), misalignment);
  const bad = kernels.quantizeBlocks(out.pointer, from.pointer, rows, k, bits, sums.pointer);
  guarded.assertCanaries();
  const blocks = new Uint8Array(guarded.read(out).buffer);
  const [lost, all] = new Float64Array(guarded.read(sums).buffer);
  const numbers = numbersOfBlocks(blocks, rows, k);
  return { bad, blocks, numbers, lost: lost! - 0.25, all: all! - 4 };
}

const squares = (x: Iterable<number>) => Array.from(x).reduce((sum, n) => sum + n * n, 0);
const isNear = (found: number, expected: number, what: string) =>
  assert.ok(Math.abs(found - expected) <= 1e-5 * expected, `${what}: ${found}, ${expected}`);

/** Scale, offset and codes of a block. */
function partsOf(blocks: Uint8Array, block: number) {
  const view = new DataView(blocks.buffer, block * BLOCK_BYTES, BLOCK_BYTES);
  return {
    scale: halfToNumber(view.getUint16(BLOCK, true)),
    offset: halfToNumber(view.getUint16(BLOCK + 2, true)),
    offsetBits: view.getUint16(BLOCK + 2, true),
    codes: Array.from({ length: BLOCK }, (_, i) => view.getInt8(i)),
  };
}

await kernelSuite('quantizeBlocks()', ({ test, bench }) => {
  for (const bits of [8, 4] as const) {
    test(`${bits} bits: any count and alignment, codes beyond the last are 0, sums are added`, () => {
      for (const k of [...COUNTS, 192]) {
        for (const misalignment of MISALIGNMENTS) {
          const x = random.normal(3 * k, 0.05);
          const { bad, blocks, numbers, lost, all } = quantize(bench, x, k, bits, misalignment);
          assert.is(bad, -1);
          isNear(all, squares(x), `${k}, x²`);
          const rest = Array.from(x, (n, i) => n - numbers[i]!);
          assert.ok(Math.abs(lost - squares(rest)) <= 1e-4 * lost + 1e-12, `${k}: ${lost}`);
          for (let row = 0; row < 3; row++) {
            const last = partsOf(blocks, (row + 1) * Math.ceil(k / BLOCK) - 1);
            assert.ok(last.codes.slice(k % BLOCK || BLOCK).every((code) => code === 0));
          }
        }
      }
    });

    test(`${bits} bits: zeros and constants`, () => {
      for (const constant of [0, 1, -3.5, 2 ** -20]) {
        const { bad, numbers, lost } = quantize(
          bench,
          new Float32Array(70).fill(constant),
          35,
          bits,
        );
        assert.is(bad, -1);
        for (const number of numbers) {
          const bound = 2 ** -11 * Math.abs(constant) + (bits === 8 ? 127 : 1) * 2 ** -25;
          assert.ok(Math.abs(number - constant) <= bound, `${number}`);
        }
        if (constant === 0) assert.is(lost, 0);
      }
    });

    test(`${bits} bits: names the first block beyond float16`, () => {
      const most = (bits === 8 ? 127 : 15) * 65_504;
      const least = bits === 8 ? -most : -65_504;
      for (const [size, expected] of [
        [most, -1],
        [most * 1.01, 7],
        [least, -1],
        [least * 1.01, 7],
        [3e38, 7],
        [-3e38, 7],
      ] as const) {
        const x = random.normal(5 * 64);
        x[7 * BLOCK + 3] = size;
        assert.is(quantize(bench, x, 64, bits).bad, expected, `${size}`);
      }
    });
  }

  test('8 bits: the scale is max |x| / 127, codes the nearest', () => {
    for (const size of [1, 0.02, 2e-3, 1e-5, 1e-7, 60_000]) {
      const x = random.normal(40 * 64, size);
      const { blocks, numbers } = quantize(bench, x, 64, 8);
      for (let block = 0; block < 80; block++) {
        const part = x.subarray(block * BLOCK, (block + 1) * BLOCK);
        const largest = part.reduce((most, n) => Math.max(most, Math.abs(n)), 0);
        const { scale, codes, offsetBits } = partsOf(blocks, block);
        assert.is(scale, nearestHalf(fround(largest / 127)), `${size}, block ${block}`);
        assert.is(offsetBits, 0);
        const inverse = scale > 0 ? fround(1 / scale) : 0;
        const expected = Array.from(part, (n) => {
          const code = roundEven(fround(n * inverse));
          return Math.max(-127, Math.min(127, code)) + 0;
        });
        assert.equal(codes, expected, `${size}, block ${block}`);
        for (const [i, n] of part.entries()) {
          const error = Math.abs(n - numbers[block * BLOCK + i]!);
          assert.ok(error <= scale * 0.5001 + 127.5 * 2 ** -25, `${n}`);
        }
      }
    }
  });

  test('4 bits: near the best of many grids, be the numbers far from 0 or of any size', () => {
    for (const [mean, size] of [
      [0, 1],
      [0, 0.01],
      [0, 2000],
      [-3, 1],
      [100, 30],
      [0, 1e-4],
    ] as const) {
      const x = random.normal(60 * BLOCK, size).map((n) => n + mean);
      const { bad, lost, blocks } = quantize(bench, x, BLOCK, 4);
      assert.is(bad, -1);
      let [plain, searched] = [0, 0];
      for (let block = 0; block < 60; block++) {
        const part = x.subarray(block * BLOCK, (block + 1) * BLOCK);
        plain += errorOfGrid(part, 0, 0);
        searched += bestGrid(part);
        const { codes, scale } = partsOf(blocks, block);
        assert.ok(scale > 0);
        assert.ok(codes.every((code) => code >= 0 && code <= 15));
      }
      assert.ok(lost < 0.9 * plain, `${mean} ± ${size}: ${lost / plain} of the plain grid's`);
      assert.ok(lost < 1.1 * searched, `${mean} ± ${size}: ${lost / searched} of the best grid's`);
    }
  });
});

/** Squared error of the codes 0 … 15 of a grid whose ends lie so far inside of the numbers. */
function errorOfGrid(x: Float32Array, below: number, above: number): number {
  const [least, largest] = [Math.min(...x), Math.max(...x)];
  const width = largest - least;
  const offset = nearestHalf(least + below * width);
  const scale = nearestHalf((width * (1 - below - above)) / 15);
  const rest = Array.from(x, (n) => {
    const code = Math.max(0, Math.min(15, Math.round((n - offset) / scale)));
    return n - scale * code - offset;
  });
  return squares(rest);
}

function bestGrid(x: Float32Array): number {
  const ends = Array.from({ length: 24 }, (_, i) => i / 100 - 0.03);
  return Math.min(...ends.flatMap((below) => ends.map((above) => errorOfGrid(x, below, above))));
}

const both = suite('quantizeBlocks(), both binaries');
const [baseline, relaxed] = await Promise.all(BINARIES.map((simd) => createBench(simd)));

both('give the same bits', () => {
  for (const bits of [8, 4] as const) {
    const x = random.normal(7 * 190, 0.1);
    const one = quantize(baseline!, x, 190, bits);
    const other = quantize(relaxed!, x, 190, bits);
    assert.equal(one.blocks, other.blocks);
    assert.equal([one.lost, one.all], [other.lost, other.all]);
  }
});

both('lose of normal weights what they are said to', () => {
  const x = random.normal(2 ** 18);
  for (const [bits, expected] of [
    [8, 0.0053],
    [4, 0.0697],
  ] as const) {
    const { lost, all } = quantize(baseline!, x, 2 ** 9, bits);
    const error = Math.sqrt(lost / all);
    assert.ok(Math.abs(error / expected - 1) < 0.02, `${bits} bits: ${error}`);
  }
});

both.run();

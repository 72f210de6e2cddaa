import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { activationBytes } from '../../src/layout/activations.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import {
  COUNTS,
  createBench,
  type KernelBench,
  kernelSuite,
  MISALIGNMENTS,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import type { Misalignment } from '../helpers/kernels/memory.ts';
import { quantizeRows } from '../reference/quantized.ts';

/** Bytes of a block: 32 codes of 2 bytes, the scale and the sum. */
const BLOCK_BYTES = 72;
/** The largest float32. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

await kernelSuite('quantizeRows()', ({ test, bench }) => {
  const random = createRandom(9);

  test('gives the codes, scales and sums of the twin bit for bit, for any k and alignment', () => {
    for (const k of COUNTS) {
      for (const rows of [1, 2, 5]) {
        for (const misalignment of MISALIGNMENTS) {
          const x = random.normal(rows * k, 10 ** random.integer(-6, 6));
          assert.equal(
            run(bench, x, k, misalignment),
            quantizeRows(x, k),
            `${rows} × ${k}, ${misalignment}`,
          );
        }
      }
    }
  });

  test('an error is at most 1.6e-5 of the largest of 32', () => {
    const x = random.normal(32 * 100);
    for (const [b, { codes, scale }] of run(bench, x, 32).entries()) {
      const block = x.subarray(32 * b, 32 * b + 32);
      const largest = Math.max(...block.map(Math.abs));
      assert.ok(codes.every((code, i) => Math.abs(code * scale - block[i]!) <= 1.6e-5 * largest));
      assert.is(Math.max(...codes.map(Math.abs)), 32767);
    }
  });

  test('zeros, the largest and the smallest numbers', () => {
    const [zero, huge, small, tiny] = run(
      bench,
      Float32Array.from(
        [
          [0, -0, 0, 0, 0],
          [LARGEST, -LARGEST, 1e38, 1, 0],
          [2 ** -100, -(2 ** -101), 0, 0, 0],
          [2 ** -101, 1e-45, -1e-40, 0, 0],
        ].flat(),
      ),
      5,
    );
    const pad = Array.from({ length: 27 }, () => 0);
    assert.equal(zero, { codes: [0, 0, 0, 0, 0, ...pad], scale: 0, sum: 0 });
    assert.equal(huge!.codes.slice(0, 5), [32767, -32767, 9629, 0, 0]);
    assert.ok(Number.isFinite(huge!.scale));
    assert.equal(small!.codes.slice(0, 5), [32767, -16384, 0, 0, 0]);
    assert.equal([tiny!.codes, tiny!.sum], [[0, 0, 0, 0, 0, ...pad], 0]);
  });

  test('a NaN or an infinity anywhere in a block makes its scale one, and no other', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      for (const at of [0, 3, 31, 64, 66]) {
        const x = random.normal(67);
        x[at] = bad;
        const scales = run(bench, x, 67).map(({ scale }) => Number.isFinite(scale));
        assert.equal(
          scales,
          [0, 1, 2].map((b) => b !== Math.floor(at / 32)),
          `${bad} at ${at}`,
        );
      }
    }
  });
});

const test = suite('quantizeRows() in both binaries');

test('has the same bits', async () => {
  const [baseline, relaxed] = [await createBench('baseline'), await createBench('relaxed')];
  const x = createRandom(10).normal(7 * 333);
  const flat = (bench: KernelBench) =>
    run(bench, x, 333).flatMap(({ codes, scale, sum }) => [...codes, scale, sum]);
  assertSame(flat(baseline), flat(relaxed), '7 × 333');
});

test.run();

/** Blocks of x (rows, k). */
function run(bench: KernelBench, x: Float32Array, k: number, misalignment: Misalignment = 0) {
  const guarded = bench.guard();
  const rows = x.length / k;
  const from = guarded.regionOf('x', withStride(x, k, k + 3), misalignment);
  const out = guarded.region('codes', activationBytes(rows, k) / 4, misalignment);
  bench.kernels.quantizeRows(out.pointer, from.pointer, rows, k, k + 3);
  guarded.assertCanaries();
  const view = new DataView(guarded.read(out).buffer);
  return Array.from({ length: view.byteLength / BLOCK_BYTES }, (_, b) => {
    const at = b * BLOCK_BYTES;
    return {
      codes: Array.from({ length: 32 }, (_unused, i) => view.getInt16(at + 2 * i, true)),
      scale: view.getFloat32(at + 64, true),
      sum: view.getFloat32(at + 68, true),
    };
  });
}

import * as assert from 'uvu/assert';
import { Q6_K } from '../../src/format/gguf/blocks/k-quants.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { kernelSuite, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import { randomBlocks } from '../reference/gguf-blocks.ts';

const [NUMBERS, BYTES] = [256, 210];

const bits = (x: Float32Array) => new Uint32Array(x.buffer);

await kernelSuite('dequantizeQ6K()', ({ test, kernels, guard }) => {
  test('gives the bits that JavaScript gives, at any alignment', () => {
    for (const most of [65_504, 1, 2 ** -20]) {
      for (const misalignment of MISALIGNMENTS) {
        const stored = randomBlocks('Q6_K', 6, createRandom(most), most);
        const expected = new Float32Array(6 * NUMBERS);
        Q6_K.dequantize(stored, expected);
        for (let shift = 0; shift < 4; shift++) {
          const guarded = guard();
          const bytes = new Uint8Array(6 * BYTES + 4).fill(0xff);
          bytes.set(stored, shift);
          const from = guarded.regionOf('from', new Int32Array(bytes.buffer));
          const out = guarded.region('out', expected.length, misalignment);
          kernels.dequantizeQ6K(out.pointer, from.pointer + shift, 6);
          guarded.assertCanaries();
          assert.equal(bits(guarded.read(out)), bits(expected), `${most}, ${shift}`);
        }
      }
    }
  });

  test('numbers whose scale is none are none', () => {
    for (const bad of [0x7c00, 0xfc00, 0x7e01]) {
      const stored = randomBlocks('Q6_K', 2, createRandom(1));
      stored.fill(0, BYTES);
      new DataView(stored.buffer).setUint16(2 * BYTES - 2, bad, true);
      const guarded = guard();
      const from = guarded.regionOf('from', new Int32Array(stored.buffer));
      const out = guarded.region('out', 2 * NUMBERS);
      kernels.dequantizeQ6K(out.pointer, from.pointer, 2);
      const numbers = guarded.read(out);
      assert.is(numbers.findIndex(Number.isNaN), NUMBERS);
      assert.ok(numbers.subarray(NUMBERS).every(Number.isNaN));
    }
  });
});

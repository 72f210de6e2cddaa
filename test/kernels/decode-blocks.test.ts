import * as assert from 'uvu/assert';
import { blocksOfType, GGUF_TYPES } from '../../src/format/gguf/types.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { kernelSuite, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';
import { BLOCK_TYPE_NAMES, blockElement, BLOCKS, randomBlocks } from '../reference/gguf-blocks.ts';
import { halfToNumber, nearestHalf } from '../reference/half.ts';
import { BLOCK, BLOCK_BYTES } from '../reference/quantized.ts';

/** Types that a layout keeps. */
const TYPES = BLOCK_TYPE_NAMES.flatMap((name) => {
  const type = blocksOfType(GGUF_TYPES.get(BLOCKS[name].number)!)!;
  return type.packed ? [{ name, type, packed: type.packed }] : [];
});

/** Codes that a layout takes. */
const RANGES = { q8: [-128, 127], 'q8-offset': [-128, 127], q4: [0, 15] } as const;

await kernelSuite('decodeBlocks()', ({ test, kernels, guard }) => {
  /** Decodes stored blocks, `shift` bytes past an alignment of 4. */
  function decode(name: (typeof TYPES)[number], stored: Uint8Array, misalignment = 0, shift = 0) {
    const guarded = guard();
    const count = (stored.length / name.type.blockBytes) * (name.type.blockLength / BLOCK);
    const bytes = new Uint8Array(Math.ceil((stored.length + shift) / 4) * 4).fill(0xff);
    bytes.set(stored, shift);
    const from = guarded.regionOf('from', new Int32Array(bytes.buffer));
    const out = guarded.region('out', (count * BLOCK_BYTES) / 4, misalignment as 0);
    const { kind } = name.packed;
    const bad = kernels.decodeBlocks(out.pointer, from.pointer + shift, count, kind);
    guarded.assertCanaries();
    return { bad, count, blocks: new DataView(guarded.read(out).buffer) };
  }

  for (const name of TYPES) {
    const { type, packed } = name;

    test(`${type.name}: the codes of the file, scales and offsets nearest to its own`, () => {
      for (const [most, count] of [
        [4, 30],
        [2 ** -10, 30],
        [2 ** -20, 5],
        [0, 1],
      ] as const) {
        const stored = randomBlocks(type.name as 'Q4_0', count, createRandom(count), most);
        const { bad, blocks } = decode(name, stored);
        assert.is(bad, -1);
        const floats = new Float32Array(count * type.blockLength);
        type.dequantize(stored, floats);
        for (const [i, float] of floats.entries()) {
          const { scale, code, offset } = blockElement(type.name as 'Q4_0', stored, i);
          const at = Math.floor(i / BLOCK) * BLOCK_BYTES;
          const found = blocks.getInt8(at + (i % BLOCK));
          assert.is(found, code, `code ${i}`);
          const [least, largest] = RANGES[packed.dtype];
          assert.ok(found >= least && found <= largest);
          const scaleBits = blocks.getUint16(at + BLOCK, true);
          const offsetBits = blocks.getUint16(at + BLOCK + 2, true);
          const [roundScale, roundOffset] = [scaleBits, offsetBits].map(halfToNumber);
          assert.is(roundScale, nearestHalf(scale), `scale of ${i}`);
          assert.is(roundOffset, nearestHalf(offset), `offset of ${i}`);
          if (packed.dtype === 'q8') assert.is(offsetBits, 0, 'no offset, not even -0');
          const error = Math.abs(Math.fround(roundScale! * code + roundOffset!) - float);
          const bound = (2 ** -11 + 2 ** -23) * (Math.abs(scale * code) + Math.abs(offset));
          const isExact = type.blockLength === BLOCK;
          assert.ok(error <= (isExact ? 0 : bound + 2 ** -25 * (Math.abs(code) + 1)), `${i}`);
        }
      }
    });

    test(`${type.name}: any alignment`, () => {
      const stored = randomBlocks(type.name as 'Q4_0', 6, createRandom(2));
      const { blocks: expected } = decode(name, stored);
      for (const misalignment of MISALIGNMENTS) {
        for (let shift = 1; shift < 4; shift++) {
          const { blocks } = decode(name, stored, misalignment, shift);
          assert.equal(new Uint8Array(blocks.buffer), new Uint8Array(expected.buffer));
        }
      }
    });

    test(`${type.name}: the first block with a scale or offset that is none`, () => {
      const groups = type.blockLength / BLOCK;
      for (const bad of [0x7c00, 0xfc00, 0x7e01, 0xffff]) {
        for (const place of BLOCKS[type.name as 'Q4_0'].halves) {
          for (const block of [0, 3, 4]) {
            // whatever the scale is multiplied by, be it 0
            for (const fill of [undefined, 0]) {
              const stored = randomBlocks(type.name as 'Q4_0', 5, createRandom(7), 1);
              if (fill !== undefined) stored.fill(fill);
              const view = new DataView(stored.buffer);
              view.setUint16(block * type.blockBytes + place, bad, true);
              const { bad: found } = decode(name, stored);
              assert.is(found, block * groups, `${bad} at ${place} of block ${block}`);
            }
          }
        }
      }
    });

    test(`${type.name}: the first block whose scale or offset is beyond float16`, () => {
      const seen = new Set<boolean>();
      for (let seed = 0; seed < 60; seed++) {
        const stored = randomBlocks(type.name as 'Q4_0', 2, createRandom(seed), 65_504);
        const { bad, count } = decode(name, stored);
        const fits = Array.from({ length: count }, (_, block) => {
          const { scale, offset } = blockElement(type.name as 'Q4_0', stored, block * BLOCK);
          return Math.abs(scale) < 65_520 && Math.abs(offset) < 65_520;
        });
        assert.is(bad, fits.indexOf(false), `seed ${seed}`);
        seen.add(bad < 0);
      }
      const canOverflow = type.blockLength > BLOCK || type.name === 'Q4_0';
      assert.is(seen.has(false), canOverflow);
      assert.is(seen.has(true), type.blockLength === BLOCK || seen.size === 2);
    });
  }
});

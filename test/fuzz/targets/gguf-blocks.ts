import { decodeBlocks } from '../../../src/compute/blocks.ts';
import { Compute } from '../../../src/compute/compute.ts';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readGguf } from '../../../src/format/gguf/contents.ts';
import { readGgufHeader } from '../../../src/format/gguf/header.ts';
import { readFloats } from '../../../src/format/tensors/tensors.ts';
import { BLOCK } from '../../../src/layout/blocks.ts';
import { createEngine } from '../../../src/wasm/engine.ts';
import { createRandom } from '../../helpers/checks/random.ts';
import { buildGguf } from '../../helpers/files/build-gguf.ts';
import { ggufModel } from '../../helpers/models/gguf-model.ts';
import { BLOCK_TYPE_NAMES, BLOCKS, randomBlocks } from '../../reference/gguf-blocks.ts';
import { mutatedBytes } from '../mutate.ts';
import { holds, target } from '../target.ts';

/** Every row is a block of the longest type. */
const SIZES = {
  dim: 256,
  hiddenDim: 256,
  heads: 32,
  kvHeads: 1,
  headDim: 8,
  layers: 1,
  vocabSize: 3,
};

/** A model of each type, and where its blocks begin. */
const MODELS = await Promise.all(
  BLOCK_TYPE_NAMES.map(async (name) => {
    const { number, length, bytes } = BLOCKS[name];
    const encode = (values: Float32Array) =>
      randomBlocks(name, values.length / length, createRandom(values.length), 1);
    const whole = buildGguf(ggufModel({ sizes: SIZES, type: number, encode }).parts);
    const { tensors } = await readGgufHeader(bytesSource('f.gguf', whole));
    const starts = Array.from(tensors.values(), ({ offset }) => offset);
    return { whole, headerLength: Math.min(...starts), starts, bytes };
  }),
);

const compute = new Compute(await createEngine({ simd: 'baseline' }));
// files have 0.5 MB; a block of 84 bytes becomes 256 numbers
const stored = compute.heap.allocate(2 ** 20);
const blocks = compute.heap.allocate(2 ** 22);

/** Weights of every block type: what their header says, and blocks with other scales and codes. */
export const GGUF_BLOCKS = target<Uint8Array>({
  name: 'gguf-blocks',
  make(draw) {
    const { whole, headerLength, starts, bytes } = draw.pick(MODELS);
    const start = draw.chance(0.3) ? 0 : draw.pick(starts) + bytes * draw.integer(0, 2);
    const end = start === 0 ? headerLength : start + bytes;
    const part = mutatedBytes(whole.subarray(start, end), draw);
    const file = whole.slice(0, part.length < end - start ? start + part.length : whole.length);
    file.set(part, start);
    return file;
  },
  async run(file) {
    const { tensors } = await readGguf(bytesSource('f.gguf', file));
    for (const [name, { shape, byteLength, blockType }] of tensors.entries) {
      const floats = new Float32Array(shape.reduce((product, n) => product * n, 1));
      holds(floats.byteLength <= 16 * file.length, 'numbers follow from bytes');
      const refusal: unknown = await readFloats(tensors, name, 0, floats).catch((cause) => cause);
      if (blockType?.packed) {
        const bytes = compute.heap.bytes(stored, byteLength);
        await tensors.readStored(name, 0, bytes);
        const { kind } = blockType.packed;
        const bad = decodeBlocks(compute, blocks, stored, floats.length / BLOCK, kind);
        holds(bad >= 0 || refusal === undefined, 'a scale that is no number is found by both');
      }
      if (refusal !== undefined) throw refusal;
    }
  },
});

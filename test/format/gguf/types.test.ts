import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readGguf } from '../../../src/format/gguf/contents.ts';
import { blocksOfType, GGUF_TYPES } from '../../../src/format/gguf/types.ts';
import type { BlockType } from '../../../src/format/tensors/block-type.ts';
import { readFloats } from '../../../src/format/tensors/tensors.ts';
import { buildGguf, TYPE } from '../../helpers/files/build-gguf.ts';
import { ggufCheckpoint } from '../../helpers/files/converted.ts';
import { ggufModel, SIZES } from '../../helpers/models/gguf-model.ts';
import { createRandom } from '../../helpers/checks/random.ts';
import { refused } from '../../helpers/checks/refused.ts';
import {
  BLOCK_TYPE_NAMES,
  blockElement,
  BLOCKS,
  type BlockTypeName,
  randomBlocks,
} from '../../reference/gguf-blocks.ts';

/** Blocks and their numbers by another implementation, both in base64. */
const FIXTURES = JSON.parse(
  readFileSync(new URL('../../fixtures/gguf_blocks.json', import.meta.url), 'utf8'),
) as Record<BlockTypeName, { readonly blocks: string; readonly values: string }>;

const typeOf = (name: BlockTypeName): BlockType =>
  blocksOfType(GGUF_TYPES.get(BLOCKS[name].number)!)!;
const decoded = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));

function floatsOf(name: BlockTypeName, blocks: Uint8Array): Float32Array {
  const { length, bytes } = BLOCKS[name];
  const values = new Float32Array((blocks.length / bytes) * length);
  typeOf(name).dequantize(blocks, values);
  return values;
}

/** A model of one layer whose embedding holds the blocks, a row each. */
function withEmbedding(name: BlockTypeName, blocks: Uint8Array) {
  const { number: type, length: dim, bytes } = BLOCKS[name];
  const { parts } = ggufModel({ sizes: { ...SIZES, dim, headDim: dim / SIZES.heads } });
  const shape = [blocks.length / bytes, dim];
  const tensors = parts.tensors.map((tensor) =>
    tensor.name === 'token_embd.weight' ? { ...tensor, type, shape, bytes: blocks } : tensor,
  );
  return { ...parts, tensors };
}

const test = suite('block types');

for (const name of BLOCK_TYPE_NAMES) {
  test(`${name}: numbers of another implementation, and of the definition`, () => {
    const { name: found, blockLength, blockBytes } = typeOf(name);
    const { length, bytes } = BLOCKS[name];
    assert.equal([found, blockLength, blockBytes], [name, length, bytes]);
    const { blocks, values } = FIXTURES[name];
    const expected = new Float32Array(decoded(values).buffer);
    assert.is(expected.length, 3 * length);
    assert.equal(floatsOf(name, decoded(blocks)), expected);
    for (const most of [65_504, 2 ** -14]) {
      const random = randomBlocks(name, 40, createRandom(most), most);
      for (const [i, value] of floatsOf(name, random).entries()) {
        const { scale, code, offset } = blockElement(name, random, i);
        assert.is(value, Math.fround(scale * code + offset), `element ${i}`);
      }
    }
  });

  test(`${name}: read in place, whole blocks from any on`, async () => {
    const { length } = BLOCKS[name];
    const blocks = randomBlocks(name, 7, createRandom(3));
    const { tensors } = await readGguf(
      bytesSource('m.gguf', buildGguf(withEmbedding(name, blocks))),
    );
    const embedding = 'model.embed_tokens.weight';
    const { dtype, blockType } = tensors.entries.get(embedding)!;
    assert.equal([dtype, blockType], [name, typeOf(name)]);
    const values = floatsOf(name, blocks);
    for (let first = 0; first < 7; first++) {
      for (let end = first; end <= 7; end++) {
        // not on a boundary of 8, in memory of others
        const memory = new Float32Array((end - first) * length + 3).fill(7);
        const target = memory.subarray(1, -2);
        await readFloats(tensors, embedding, first * length, target);
        assert.equal(target, values.subarray(first * length, end * length), `${first}..${end}`);
        assert.equal([memory[0], ...memory.slice(-2)], [7, 7, 7]);
      }
    }
    const part = () => readFloats(tensors, embedding, 0, new Float32Array(length + 1));
    const error = await part().catch((cause: unknown) => cause);
    assert.instance(error, RangeError);
  });

  test(`${name}: a scale that is no number is found, read and converted`, async () => {
    for (const place of BLOCKS[name].halves) {
      for (const bad of [0x7c00, 0xfc00, 0x7e01]) {
        const blocks = randomBlocks(name, 3, createRandom(5));
        new DataView(blocks.buffer).setUint16(BLOCKS[name].bytes + place, bad, true);
        const parts = withEmbedding(name, blocks);
        const { tensors } = await readGguf(bytesSource('m.gguf', buildGguf(parts)));
        const target = new Float32Array(3 * BLOCKS[name].length);
        const read = () => readFloats(tensors, 'model.embed_tokens.weight', 0, target);
        const index = BLOCKS[name].length;
        const data = { tensor: 'model.embed_tokens.weight', index };
        await refused(read, 'WEIGHTS_NONFINITE', `${bad} at ${place}`, data);
        const { tensors: converted } = await ggufCheckpoint(parts);
        const convert = async () => {
          for await (const chunk of converted[0]!.chunks()) assert.ok(chunk.byteLength > 0);
        };
        await refused(convert, 'WEIGHTS_NONFINITE', `${bad} at ${place}`, data);
      }
    }
  });
}

for (const [name, rows] of [
  ['Q8_0', 300_000],
  ['Q4_K', 30_000],
] as const) {
  test(`${name}: ${rows} blocks, more than one piece, converted`, async () => {
    const { length, bytes } = BLOCKS[name];
    const few = randomBlocks(name, 300, createRandom(4));
    const values = floatsOf(name, few);
    const blocks = new Uint8Array(rows * bytes);
    for (let at = 0; at < blocks.length; at += few.length) blocks.set(few, at);
    const { tensors, config } = await ggufCheckpoint(withEmbedding(name, blocks));
    assert.is(config['vocab_size'], rows);
    let at = 0;
    for await (const chunk of tensors[0]!.chunks()) {
      const floats = new Float32Array(chunk.buffer, chunk.byteOffset, chunk.byteLength / 4);
      assert.is(floats[0], values[at % values.length]);
      assert.is(floats.at(-1), values[(at + floats.length - 1) % values.length]);
      at += floats.length;
    }
    assert.is(at, rows * length);
  });
}

test('readStored(): any bytes of the blocks of a permuted projection, rows in their own order', async () => {
  const { parts } = ggufModel();
  const { headDim, dim, heads } = SIZES;
  const rowBytes = (dim / 32) * 34;
  const data = randomBlocks('Q8_0', (heads * headDim * dim) / 32, createRandom(5));
  const tensors = parts.tensors.map((tensor) =>
    tensor.name === 'blk.0.attn_q.weight' ? { ...tensor, type: TYPE.Q8_0, bytes: data } : tensor,
  );
  const file = buildGguf({ ...parts, tensors });
  const set = (await readGguf(bytesSource('model.gguf', file))).tensors;
  const name = 'model.layers.0.self_attn.q_proj.weight';
  assert.is(set.entries.get(name)?.dtype, 'Q8_0');
  const whole = Uint8Array.from({ length: data.length }, (_, at) => {
    const row = Math.floor(at / rowBytes);
    const inHead = row % headDim;
    const from = row - inHead + (inHead % (headDim / 2)) * 2 + Math.floor(inHead / (headDim / 2));
    return data[from * rowBytes + (at % rowBytes)]!;
  });
  const range = fc.tuple(fc.nat(whole.length), fc.nat(whole.length));
  const isSame = fc.asyncProperty(range, async ([a, b]) => {
    const target = new Uint8Array(Math.abs(a - b));
    await set.readStored(name, Math.min(a, b), target);
    assert.equal(target, whole.subarray(Math.min(a, b), Math.max(a, b)));
  });
  await fc.assert(isSame, { seed: 7, numRuns: 100, examples: [[[0, whole.length]]] });
});

test.run();

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readGguf } from '../../../src/format/gguf/contents.ts';
import { dequantizeQ4, dequantizeQ8 } from '../../../src/format/gguf/types.ts';
import { widenToFloat32 } from '../../../src/format/tensors/half.ts';
import { buildGguf, TYPE } from '../../helpers/files/build-gguf.ts';
import { ggufCheckpoint } from '../../helpers/files/converted.ts';
import { ggufModel, SIZES } from '../../helpers/models/gguf-model.ts';
import { createRandom } from '../../helpers/checks/random.ts';

/** Blocks with random scales and random bytes. */
function blocks(seed: number, count: number, bytes: number): Uint8Array {
  const random = createRandom(seed);
  const out = new Uint8Array(count * bytes);
  for (let i = 0; i < out.length; i++) out[i] = random.integer(0, 255);
  // Scales stay finite: the exponent's highest bit is cleared.
  for (let block = 0; block < count; block++) out[block * bytes + 1]! &= 0xbf;
  return out;
}

/** Element `i` of Q8_0 blocks, by the definition. */
function q8Element(data: Uint8Array, i: number): number {
  const block = data.subarray(Math.floor(i / 32) * 34);
  const byte = block[2 + (i % 32)]!;
  return widenToFloat32(block.slice(0, 2), 'F16')[0]! * (byte < 128 ? byte : byte - 256);
}

/** Element `i` of Q4_0 blocks, by the definition. */
function q4Element(data: Uint8Array, i: number): number {
  const block = data.subarray(Math.floor(i / 32) * 18);
  const within = i % 32;
  const byte = block[2 + (within % 16)]!;
  const digit = within < 16 ? byte % 16 : Math.floor(byte / 16);
  return widenToFloat32(block.slice(0, 2), 'F16')[0]! * (digit - 8);
}

const test = suite('dequantizeQ8(), dequantizeQ4()');

for (const [type, blockBytes, element] of [
  ['Q8_0', 34, q8Element],
  ['Q4_0', 18, q4Element],
] as const) {
  test(`${type}: 300,000 blocks, more than one piece, equal the definition`, async () => {
    const data = blocks(4, 300, blockBytes);
    const values = new Float32Array(300 * 32);
    (type === 'Q8_0' ? dequantizeQ8 : dequantizeQ4)(data, values);
    for (let i = 0; i < values.length; i++) assert.is(values[i], element(data, i), `${i}`);
    const { parts } = ggufModel();
    const rows = 300_000;
    const bytes = new Uint8Array(rows * blockBytes);
    for (let at = 0; at < bytes.length; at += data.length) bytes.set(data, at);
    const tensors = parts.tensors.map((tensor) =>
      tensor.name === 'token_embd.weight'
        ? { ...tensor, type: TYPE[type], shape: [rows, 32], bytes }
        : tensor,
    );
    const { tensors: converted, config } = await ggufCheckpoint({ ...parts, tensors });
    assert.is(config['vocab_size'], rows);
    let at = 0;
    for await (const chunk of converted[0]!.chunks()) {
      const floats = new Float32Array(chunk.buffer, chunk.byteOffset, chunk.byteLength / 4);
      const start = at % values.length;
      assert.is(floats[0], values[start]);
      assert.is(floats.at(-1), values[(at + floats.length - 1) % values.length]);
      at += floats.length;
    }
    assert.is(at, rows * 32);
  });
}

test('readStored(): any bytes of the blocks of a permuted projection, rows in their own order', async () => {
  const { parts } = ggufModel();
  const { headDim, dim, heads } = SIZES;
  const rowBytes = (dim / 32) * 34;
  const data = blocks(5, (heads * headDim * dim) / 32, 34);
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

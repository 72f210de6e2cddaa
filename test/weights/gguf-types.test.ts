import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CpuBackend } from '../../src/backend/cpu.ts';
import { Compute } from '../../src/compute/compute.ts';
import { parseConfig } from '../../src/format/config/config.ts';
import { bytesSource } from '../../src/format/files/byte-source.ts';
import { readGguf } from '../../src/format/gguf/contents.ts';
import { readFloats } from '../../src/format/tensors/tensors.ts';
import { type DtypeOption, WeightDtypes } from '../../src/weights/dtypes.ts';
import { namedMatrices } from '../../src/weights/named-matrix.ts';
import { WeightPlan } from '../../src/weights/plan.ts';
import { type StreamOptions, streamWeights } from '../../src/weights/stream/stream.ts';
import { checkTensors } from '../../src/weights/tensors.ts';
import { loadWeights, weightNeeds } from '../../src/weights/weights.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { refused } from '../helpers/checks/refused.ts';
import { buildGguf, type GgufParts, TYPE } from '../helpers/files/build-gguf.ts';
import { ggufModel } from '../helpers/models/gguf-model.ts';
import { memoryOf } from '../helpers/models/streamed-weights.ts';
import { widened } from '../helpers/checks/widened.ts';
import {
  BLOCK_TYPE_NAMES,
  blockElement,
  BLOCKS,
  type BlockTypeName,
  randomBlocks,
} from '../reference/gguf-blocks.ts';

/** Rows of one block of 256. */
const SIZES = {
  dim: 256,
  hiddenDim: 256,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  layers: 2,
  vocabSize: 40,
};
/** What becomes of the types, alone in a file. */
const LAYOUTS: Readonly<Record<BlockTypeName, 'q8' | 'q8-offset' | 'q4'>> = {
  Q4_0: 'q4',
  Q4_1: 'q4',
  Q5_0: 'q8',
  Q5_1: 'q8-offset',
  Q8_0: 'q8',
  Q2_K: 'q8',
  Q3_K: 'q8',
  Q4_K: 'q4',
  Q5_K: 'q8-offset',
  Q6_K: 'q8',
  IQ4_NL: 'q8',
  IQ4_XS: 'q8',
};
const ANEW: ReadonlySet<BlockTypeName> = new Set(['Q2_K', 'Q3_K', 'Q6_K']);
const LAYER = 'model.layers.0.';
/** Tensors of the first layer, by the matrices that they are fused into. */
const FUSED: Readonly<Record<string, readonly string[]>> = {
  'layers.0.projection': ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  'layers.0.output': ['self_attn.o_proj'],
  'layers.0.gate_up': ['mlp.gate_proj', 'mlp.up_proj'],
  'layers.0.down': ['mlp.down_proj'],
};
const MATRICES = 7 * SIZES.layers + 1;

const test = suite('loadWeights(), block types of GGUF');

for (const type of BLOCK_TYPE_NAMES) {
  test(`${type}: the codes of the file, or near it where no layout has them`, async () => {
    const { load, compute, config, tensors } = await open(fileOf(type));
    const weights = await load();
    const { report } = weights;
    const layout = LAYOUTS[type];
    assert.is(report.dtype, layout === 'q4' ? 'q4' : 'q8');
    assert.is(report.layouts.find((found) => found.layout === layout)?.tensors, MATRICES);

    const matrices = namedMatrices(compute, config, weights);
    for (const [name, parts] of Object.entries(FUSED)) {
      const values = matrices.find((matrix) => matrix.name === name)!.read();
      const outputs = matrices.find((matrix) => matrix.name === name)!.dims.at(-1)!;
      let first = 0;
      for (const part of parts) {
        const tensor = `${LAYER}${part}.weight`;
        const { shape, byteLength } = tensors.entries.get(tensor)!;
        const [rows, k] = shape as [number, number];
        const stored = new Uint8Array(byteLength);
        await tensors.readStored(tensor, 0, stored);
        for (let row = 0; row < rows; row += 37) {
          for (let i = 0; i < k; i++) {
            const { scale, code, offset } = blockElement(type, stored, row * k + i);
            const found = values[i * outputs + first + row]!;
            const off = Math.abs(found - (scale * code + offset));
            if (off > boundOf(type, scale, code, offset)) {
              assert.unreachable(`${tensor} ${row} ${i}: ${found} ${scale * code + offset}`);
            }
          }
        }
        first += rows;
      }
    }
    checkReport(type, report.requantized);
  });

  test(`${type}: pieces of any size give the same memory; logits are those of float32`, async () => {
    const file = fileOf(type);
    const whole = await open(file);
    const weights = await whole.load();
    for (const pieceNumbers of [1, 300, 5000]) {
      const { compute, load } = await open(file);
      const { fingerprint } = await load({ pieceNumbers });
      assert.is(fingerprint, weights.fingerprint);
      assert.ok(memoryOf(compute.engine).equals(memoryOf(whole.compute.engine)), `${pieceNumbers}`);
    }
    const { compute, config } = whole;
    const ids = Array.from({ length: 60 }, (_, i) => (i * 17 + 3) % SIZES.vocabSize);
    const logitsOf = async (loaded: typeof weights) => {
      const sequence = new CpuBackend(compute, config, loaded).createSequence();
      await sequence.forward(ids.slice(0, 48));
      return sequence.forward(ids.slice(48), 'all');
    };
    const expected = await logitsOf(widened(compute, weights));
    const scale = 1 + expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    assertClose(await logitsOf(weights), expected, { atol: 2e-3 * scale, what: type });
  });

  test(`${type}: "f32" has the numbers of the file, "q8" and "q4" at most so many bits`, async () => {
    const file = fileOf(type);
    const { load, compute, config, tensors } = await open(file);
    const matrices = namedMatrices(compute, config, await load({ dtype: 'f32' }));
    const down = matrices.find(({ name }) => name === 'layers.0.down')!.read();
    const [rows, k] = tensors.entries.get(`${LAYER}mlp.down_proj.weight`)!.shape;
    const expected = new Float32Array(rows! * k!);
    await readFloats(tensors, `${LAYER}mlp.down_proj.weight`, 0, expected);
    const transposed = expected.map(
      (_, at) => expected[(at % rows!) * k! + Math.floor(at / rows!)]!,
    );
    assertSame(down, transposed, type);
    for (const dtype of ['q8', 'q4'] as const) {
      const { report } = await (await open(file)).load({ dtype });
      const isFour = dtype === 'q4' || LAYOUTS[type] === 'q4';
      assert.is(report.dtype, isFour ? 'q4' : 'q8');
      const anew = report.requantized.some(({ what }) => what === 'numbers');
      assert.is(anew, ANEW.has(type) || (dtype === 'q4' && LAYOUTS[type] !== 'q4'));
    }
  });

  test(`${type}: a scale that is no number is refused by tensor and block`, async () => {
    const { length, bytes, halves } = BLOCKS[type];
    for (const place of halves) {
      for (const bad of [0x7c00, 0xfc00, 0x7e01]) {
        const parts = partsOf({ [type]: /./ });
        const tensors = parts.tensors.map((tensor) => {
          if (tensor.name !== 'blk.1.ffn_down.weight') return tensor;
          const blocks = Uint8Array.from(tensor.bytes);
          new DataView(blocks.buffer).setUint16(5 * bytes + place, bad, true);
          return { ...tensor, bytes: blocks };
        });
        const { load, compute } = await open(buildGguf({ ...parts, tensors }));
        const { data, message } = await refused(() => load(), 'WEIGHTS_NONFINITE', `${bad}`);
        assert.is(data['tensor'], 'model.layers.1.mlp.down_proj.weight');
        if (ANEW.has(type)) assert.is(data['index'], 5 * length);
        else {
          assert.is(Math.floor(Number(data['block']) / (length / 32)), 5);
          assert.match(message, /block \d+ expected a finite (scale|offset)/);
        }
        assert.is(compute.heap.used, 0);
      }
    }
  });
}

test('pieces of a tensor are read together, each byte once, as many as there is room for', async () => {
  const { load, tensors } = await open(fileOf('Q4_0'));
  const readStored = tensors.readStored.bind(tensors);
  const ends = new Map<string, number>();
  const counts = new Map<string, number>();
  Object.assign(tensors, {
    async readStored(name: string, offset: number, target: Uint8Array) {
      assert.is(offset, ends.get(name) ?? 0, name);
      assert.ok(target.length <= 4 * 1024, `${target.length} bytes`);
      ends.set(name, offset + target.length);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      await readStored(name, offset, target);
    },
  });
  let pieces = 0;
  await load({ pieceNumbers: 1024, afterPiece: () => void pieces++ });
  for (const [name, { byteLength }] of tensors.entries) assert.is(ends.get(name), byteLength);
  // 256 rows of 256: 64 pieces of 576 bytes, 7 in 4096 bytes
  assert.is(counts.get(`${LAYER}self_attn.q_proj.weight`), 10);
  const reads = [...counts.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(pieces > 6 * reads, `${pieces} pieces, ${reads} reads`);
});

test('types that are fused take the narrowest layout that holds all', async () => {
  assert.is(await projectionOf('Q4_0', 'Q4_K'), 'q4');
  assert.is(await projectionOf('Q5_0', 'Q8_0'), 'q8');
  assert.is(await projectionOf('Q4_K', 'Q6_K'), 'q8-offset');
  assert.is(await projectionOf('Q4_0', 'Q5_1'), 'q8-offset');
  assert.is(await projectionOf('Q8_0', 'Q5_K'), 'q8-offset');
  assert.is(await projectionOf('Q8_0', 'F32'), 'f32');
  assert.is(await projectionOf('Q8_0', 'F32', 'q8'), 'q8');
  assert.is(await projectionOf('Q4_0', 'F32', 'q8'), 'q8-offset');
  assert.is(await projectionOf('Q8_0', 'F32', 'q4'), 'q4');
});

test('a mixed file says so, and what became of each type', async () => {
  const file = buildGguf(partsOf({ Q6_K: /attn_v|0.ffn_down/, Q4_K: /./ }));
  const opened = await open(file);
  const { compute, config } = opened;
  const { entries } = opened.tensors;
  const { report } = await opened.load();
  // layers that differ are counted one by one
  const needs = weightNeeds(compute, config, new WeightDtypes('auto', entries));
  assert.is(compute.heap.used, needs.bytes);
  assert.is(report.dtype, 'mixed');
  const counts = report.layouts.map(({ layout, tensors: count }) => [layout, count]);
  assert.equal(counts, [
    ['f32', 5],
    ['q4', 8],
    ['q8-offset', 6],
    ['q8', 1],
  ]);
  const told = report.requantized.map((entry) => [entry.type, entry.to, entry.what, entry.tensors]);
  assert.equal(told, [
    ['Q4_K', 'q4', 'scales', 12],
    ['Q6_K', 'q8', 'numbers', 3],
  ]);
});

test('the codes of a tensor have one hash, whatever layout holds them', async () => {
  assert.equal(await identityOf('Q4_0', 'q4'), await identityOf('Q8_0', 'q8-offset'));
});

test('products of scales beyond float16 are refused, and load as f32', async () => {
  const parts = partsOf({ Q4_K: /./ });
  const tensors = parts.tensors.map((tensor) => {
    if (tensor.name !== 'token_embd.weight') return tensor;
    const blocks = new Uint8Array(tensor.bytes.length);
    // a scale of 60,000, 63 of them for the first 32 numbers
    new DataView(blocks.buffer).setUint16(2 * 144, 0x7b53, true);
    blocks[2 * 144 + 4] = 63;
    return { ...tensor, bytes: blocks };
  });
  const { load } = await open(buildGguf({ ...parts, tensors }));
  const { data, message } = await refused(() => load(), 'WEIGHTS_NONFINITE');
  assert.equal(data, { tensor: 'model.embed_tokens.weight', block: 16, part: 'scale' });
  assert.match(message, /a "dtype" of "f32" takes larger ones$/);
  await load({ dtype: 'f32' });
});

test('blocks in place of a norm are refused by tensor', async () => {
  const { parts } = ggufModel({ sizes: SIZES });
  for (const [stored, name] of [
    ['output_norm.weight', 'output_norm.weight'],
    ['blk.1.attn_norm.weight', 'blk.1.attn_norm.weight'],
  ]) {
    const tensors = parts.tensors.map((tensor) => {
      if (tensor.name !== stored) return tensor;
      const bytes = randomBlocks('Q8_0', SIZES.dim / 32, createRandom(1));
      return { ...tensor, type: BLOCKS.Q8_0.number, bytes };
    });
    const error = await refused(() => open(buildGguf({ ...parts, tensors })), 'CHECKPOINT_INVALID');
    assert.match(
      error.message,
      `tensor "${name}" expected a vector in F32, F16 or BF16, found Q8_0`,
    );
  }
});

test.run();

/** How far a number may be from that of the file. */
function boundOf(type: BlockTypeName, scale: number, code: number, offset: number): number {
  const parts = Math.abs(scale * code) + Math.abs(offset);
  // of 8 bits with one scale for 32; random blocks of 16 differ much
  if (ANEW.has(type)) return Infinity;
  if (BLOCKS[type].length === 32) return 2 ** -23 * parts;
  return 2 ** -11 * parts + 2 ** -24 * (Math.abs(code) + 1);
}

function checkReport(type: BlockTypeName, report: readonly { error: number }[]): void {
  if (BLOCKS[type].length === 32) {
    assert.equal(report, []);
    return;
  }
  assert.is(report.length, 1);
  const { error, ...rest } = report[0]!;
  const to = LAYOUTS[type] === 'q4' ? 'q4' : 'q8';
  const what = ANEW.has(type) ? 'numbers' : 'scales';
  assert.equal(rest, { type, to, what, tensors: MATRICES });
  if (what === 'scales') assert.is(error, 2 ** -11);
  else assert.ok(error > 0 && error < 0.02, `${error}`);
}

const TYPE_OF = {
  ...Object.fromEntries(BLOCK_TYPE_NAMES.map((name) => [name, BLOCKS[name].number])),
  F32: TYPE.F32,
} as Readonly<Record<BlockTypeName | 'F32', number>>;

/** A model whose matrices are random blocks; the type of a tensor is the first whose pattern it has. */
function partsOf(types: Partial<Record<BlockTypeName | 'F32', RegExp>>): GgufParts {
  const { parts } = ggufModel({ sizes: SIZES });
  const random = createRandom(23);
  const tensors = parts.tensors.map((tensor) => {
    if (tensor.shape.length === 1) return tensor;
    const [type] = Object.entries(types).find(([, pattern]) => pattern.test(tensor.name))!;
    if (type === 'F32') return tensor;
    const name = type as BlockTypeName;
    const numbers = Number(tensor.shape[0]) * Number(tensor.shape[1]);
    // scales of 256 are times an integer up to 63: attention would be all or nothing, and tell nothing
    const most = BLOCKS[name].length === 32 ? 0.005 : 0.0002;
    const bytes = randomBlocks(name, numbers / BLOCKS[name].length, random, most);
    return { ...tensor, type: TYPE_OF[name], bytes };
  });
  return { ...parts, tensors };
}

/** The layout of a projection whose V is stored otherwise than Q and K. */
async function projectionOf(
  q: keyof typeof TYPE_OF,
  v: keyof typeof TYPE_OF,
  dtype: DtypeOption = 'auto',
) {
  const { load } = await open(buildGguf(partsOf({ [v]: /attn_v/, [q]: /./ })));
  return (await load({ dtype })).layers[0]!.projection.dtype;
}

/** What Q is where V is stored so and both are fused. */
async function identityOf(v: 'Q4_0' | 'Q8_0', layout: 'q4' | 'q8-offset') {
  const { compute, tensors } = await open(buildGguf(partsOf({ [v]: /attn_v/, Q4_0: /./ })));
  const plan = new WeightPlan(compute, new WeightDtypes('auto', tensors.entries));
  const [query, value] = ['q', 'v'].map((role) => `${LAYER}self_attn.${role}_proj.weight`);
  const pieces = [
    { name: query!, shape: [256, 256], at: 0 },
    { name: value!, shape: [128, 256], at: 256 },
  ];
  assert.is(plan.fuse(384, 256, pieces).dtype, layout);
  const { identities } = await streamWeights(compute, tensors, plan);
  return identities.get(query!);
}

const files = new Map<BlockTypeName, Uint8Array>();

function fileOf(type: BlockTypeName): Uint8Array {
  const file = files.get(type) ?? buildGguf(partsOf({ [type]: /./ }));
  files.set(type, file);
  return file;
}

/** A file on its way into the memory of an engine of its own. */
async function open(file: Uint8Array) {
  const { config: json, tensors } = await readGguf(bytesSource('model.gguf', file));
  const config = parseConfig(json, tensors.entries);
  checkTensors(config, tensors.entries);
  const compute = new Compute(await createEngine({ simd: 'baseline' }));
  const load = ({ dtype = 'auto', ...how }: StreamOptions & { dtype?: DtypeOption } = {}) =>
    loadWeights(compute, config, tensors, {
      dtypes: new WeightDtypes(dtype, tensors.entries),
      ...how,
    });
  return { compute, config, tensors, load };
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ModelConfig } from '../../src/format/config/model-config.ts';
import type { ModelBytes } from '../../src/format/files/model-source.ts';
import { type NamedMatrix, namedMatrices } from '../../src/weights/named-matrix.ts';
import type { CheckpointTensors } from '../helpers/files/build-checkpoint.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { goldenFiles, loadGolden } from '../helpers/checks/golden.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { goldenSource, goldenWeights, openCpuModel } from '../helpers/models/t6-model.ts';

interface Model {
  readonly name: string;
  build(): { source: ModelBytes; tensors: CheckpointTensors };
}

const GOLDEN = goldenFiles('model_').map((path): Model => {
  const golden = loadGolden(path);
  return {
    name: golden.name,
    build: () => ({
      source: goldenSource(golden, 'bf16'),
      tensors: new Map(
        goldenWeights(golden).map(({ name, shape, data }) => [
          name,
          { shape: [...shape], values: Float32Array.from(data) },
        ]),
      ),
    }),
  };
});
const MODELS: readonly Model[] = [...GOLDEN, ...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];

const test = suite('namedMatrices()');

for (const { name, build } of MODELS) {
  test(`${name}: names, shapes and numbers are those of the checkpoint, whole and cut`, async () => {
    const { source, tensors } = build();
    const { compute, config, weights } = (await openCpuModel(source)).backend.network;
    const expected = expectedMatrices(config, tensors);
    const { used } = compute.heap;
    const whole = namedMatrices(compute, config, weights);
    assert.equal(whole.map((matrix) => matrix.name).toSorted(), [...expected.keys()].toSorted());
    for (const matrix of whole) {
      const { dims, values } = expected.get(matrix.name)!;
      assert.equal(matrix.dims, dims, matrix.name);
      assertSame(matrix.read(), values, matrix.name);
    }

    const column = Math.max(...whole.map(({ dims }) => 4 * rowsOf(dims)));
    for (const maxBytes of [column, column + 4, 5 * column, 60 * column]) {
      const pieces = namedMatrices(compute, config, weights, maxBytes);
      for (const { name: uncut, dims } of whole) {
        const values = join(pieces, uncut, dims, maxBytes);
        assertSame(values, expected.get(uncut)!.values, `${uncut} in ${maxBytes} bytes`);
      }
      assert.is(pieces.reduce(countNumbers, 0), whole.reduce(countNumbers, 0));
    }
    assert.is(compute.heap.used, used);
  });
}

test('nothing is unpacked before read(), and a piece reads its own columns only', async () => {
  const { source, tensors } = mechanismVariant('tpa').build();
  const unpacked: { first: number; columns: number }[] = [];
  const { backend } = await openCpuModel(source, { simd: 'baseline' }, (kernels) => ({
    ...kernels,
    unpack: (...args) => {
      unpacked.push({ first: args[2], columns: args[3] });
      kernels.unpack(...args);
    },
  }));
  const { compute, config, weights } = backend.network;
  const { allocate } = compute.heap;
  let allocated = 0;
  compute.heap.allocate = (bytes) => {
    allocated++;
    return allocate.call(compute.heap, bytes);
  };
  const matrices = namedMatrices(compute, config, weights, 4 * config.dim * 50);
  assert.equal([unpacked.length, allocated], [0, 0]);
  const heads = matrices.filter((matrix) => matrix.name.startsWith('head'));
  assert.equal(
    heads.map(({ name, dims }) => [name, ...dims]),
    [
      ['head.0', 40, 48],
      ['head.1', 40, 13],
    ],
  );
  const last = heads[1]!.read();
  assert.equal(unpacked, [{ first: 48, columns: 13 }]);
  assert.equal(heads[1]!.read(), last);
  assert.is.not(heads[1]!.read(), last);
  assert.is(last[0], tensors.get('transformer.wte.weight')!.values[48 * 40]);
});

test('an output that is larger than a matrix may be is refused', async () => {
  const { source } = mechanismVariant('tpa').build();
  const { compute, config, weights } = (await openCpuModel(source)).backend.network;
  for (const maxBytes of [0, 4 * config.dim - 1, NaN]) {
    assert.throws(() => namedMatrices(compute, config, weights, maxBytes), /"maxBytes" expected/);
  }
});

test.run();

interface Expected {
  readonly dims: readonly number[];
  readonly values: readonly number[] | Float32Array;
}

/** What the comment of NamedMatrix says, of the tensors by their names in the file. */
function expectedMatrices(config: ModelConfig, tensors: CheckpointTensors): Map<string, Expected> {
  const { dim, heads, headDim, rankQ, rankK, rankV, hiddenDim, vocabSize, latent } = config;
  const out = new Map<string, Expected>();
  const set = (name: string, dims: readonly number[], values: Expected['values'] | undefined) => {
    if (values !== undefined) out.set(name, { dims, values });
  };
  const find = (...names: string[]) =>
    names.map((name) => tensors.get(name)?.values).find((values) => values !== undefined);
  const isLlama = config.layout === 'llama';
  const rows = (name: string, width: number) => rowsIn(tensors.get(name)?.values, width);

  for (let layer = 0; layer < config.layers; layer++) {
    const to = `layers.${layer}`;
    const from = isLlama ? `model.layers.${layer}` : `transformer.h.${layer}`;
    const attention = `${from}.${isLlama ? 'self_attn' : 'attn'}`;
    const projected = isLlama
      ? ['q_proj', 'k_proj', 'v_proj'].flatMap((part) => rows(`${attention}.${part}.weight`, dim))
      : projectedRows(config, attention, rows);
    set(`${to}.projection`, [dim, projected.length], transpose(projected));
    const biases = ['q', 'k', 'v'].flatMap((role) => [
      ...(find(`${attention}.${role}_proj.bias`) ?? []),
    ]);
    if (biases.length > 0) set(`${to}.projection_bias`, [projected.length], biases);
    set(`${to}.query_norm`, [headDim], find(`${attention}.q_norm.weight`));
    set(`${to}.key_norm`, [headDim], find(`${attention}.k_norm.weight`));
    set(`${to}.group_norm`, [headDim], find(`${attention}.subln.weight`));
    const inputs = heads * (latent?.valueDim ?? headDim);
    const output = rows(`${attention}.${isLlama ? 'o_proj' : 'c_proj'}.weight`, inputs);
    set(`${to}.output`, [inputs, dim], transpose(output));
    set(`${to}.output_bias`, [dim], find(`${attention}.o_proj.bias`));

    const mlp = `${from}.mlp`;
    const [gate, up, down] = isLlama
      ? ['gate_proj', 'up_proj', 'down_proj']
      : ['c_fc1', 'c_fc2', 'c_proj'];
    const both = [gate, up].flatMap((part) => rows(`${mlp}.${part}.weight`, dim));
    set(`${to}.gate_up`, [dim, 2 * hiddenDim], transpose(both));
    const gateUpBias = [gate, up].flatMap((part) => [...(find(`${mlp}.${part}.bias`) ?? [])]);
    if (gateUpBias.length > 0) set(`${to}.gate_up_bias`, [2 * hiddenDim], gateUpBias);
    set(`${to}.down`, [hiddenDim, dim], transpose(rows(`${mlp}.${down}.weight`, hiddenDim)));
    set(`${to}.down_bias`, [dim], find(`${mlp}.${down}.bias`));
    set(`${to}.attention_norm`, [dim], find(`${from}.input_layernorm.weight`));
    set(`${to}.feed_forward_norm`, [dim], find(`${from}.post_attention_layernorm.weight`));

    const ranks = { q: rankQ, k: rankK, v: rankV };
    for (const [role, rank] of Object.entries(ranks)) {
      set(`${to}.a${role}`, [heads, rank], find(`${attention}.c_qkv.A_${role}`));
      set(`${to}.b${role}`, [rank, headDim], find(`${attention}.c_qkv.B_${role}`));
    }

    if (latent === undefined) continue;
    const { queryRank, latentDim, ropeDim, valueDim } = latent;
    set(`${to}.latent_query_norm`, [queryRank], find(`${attention}.q_a_layernorm.weight`));
    const queryUp = rows(`${attention}.q_b_proj.weight`, queryRank);
    set(`${to}.query_up`, [queryRank, heads * (headDim + ropeDim)], transpose(queryUp));
    set(`${to}.latent_norm`, [latentDim], find(`${attention}.kv_a_layernorm.weight`));
    const keyValueUp = rows(`${attention}.kv_b_proj.weight`, latentDim);
    const perHead = Array.from({ length: heads }, (_, h) =>
      keyValueUp.slice(h * (headDim + valueDim), (h + 1) * (headDim + valueDim)),
    );
    const absorb = perHead.flatMap((head) => head.slice(0, headDim).flatMap((row) => [...row]));
    set(`${to}.absorb`, [heads, headDim, latentDim], absorb);
    const valueUp = perHead.flatMap((head) => transpose(head.slice(headDim)));
    set(`${to}.value_up`, [heads, latentDim, valueDim], valueUp);
  }
  set('final_norm', [dim], find('model.norm.weight'));
  const embedding = isLlama ? 'model.embed_tokens.weight' : 'transformer.wte.weight';
  const head = config.isTied ? embedding : 'lm_head.weight';
  set('head', [dim, vocabSize], transpose(rows(head, dim)));
  return out;
}

/** Rows of the fused projection of a T6-layout model: all of q, then k, then v; A before B. */
function projectedRows(
  { dim, headDim, outerDim, featureFactors, rankQ, rankK, rankV }: ModelConfig,
  attention: string,
  rows: (name: string, width: number) => Float32Array[],
): Float32Array[] {
  const of = (part: string) => rows(`${attention}.${part}.weight`, dim);
  const latents = [...of('q_a_proj'), ...of('kv_a_proj_with_mqa')];
  if (latents.length > 0) return latents;
  return Object.entries({ q: rankQ, k: rankK, v: rankV }).flatMap(([role, rank]) => {
    const a = [...of(`c_${role}`), ...of(`c_qkv.c_${role}`), ...of(`c_qkv.W_A_${role}`)];
    const b = of(`c_qkv.W_B_${role}`);
    if (featureFactors === 'shared' && role === 'v') b.push(...of('c_qkv.W_B_kv'));
    if (featureFactors !== 'outer') return [...a, ...b];
    const c = of(`c_qkv.W_C_${role}`);
    const bDim = headDim / outerDim;
    const pairs = Array.from({ length: rank }, (_, r) => [
      ...b.slice(r * bDim, (r + 1) * bDim),
      ...c.slice(r * outerDim, (r + 1) * outerDim),
    ]);
    return [...a, ...pairs.flat()];
  });
}

function rowsIn(values: Float32Array | undefined, width: number): Float32Array[] {
  return Array.from({ length: (values?.length ?? 0) / width }, (_, i) =>
    values!.subarray(i * width, (i + 1) * width),
  );
}

function transpose(rows: readonly Float32Array[]): number[] {
  return Array.from(rows[0]!, (_, i) => rows.map((row) => row[i]!)).flat();
}

/** What the pieces of a matrix make beside each other; fails unless they are as promised. */
function join(
  pieces: readonly NamedMatrix[],
  name: string,
  dims: readonly number[],
  maxBytes: number,
): Float32Array {
  const uncut = pieces.find((piece) => piece.name === name);
  if (uncut !== undefined) {
    assert.equal(uncut.dims, dims);
    return uncut.read();
  }
  const mine = pieces.filter(
    (piece) => piece.name.startsWith(`${name}.`) && /\.\d+$/.test(piece.name),
  );
  assert.ok(mine.length > 1, name);
  const rows = rowsOf(dims);
  const outputs = dims.at(-1)!;
  const out = new Float32Array(rows * outputs);
  let from = 0;
  for (const [i, piece] of mine.entries()) {
    assert.is(piece.name, `${name}.${i}`);
    const width = piece.dims.at(-1)!;
    assert.equal(piece.dims, [...dims.slice(0, -1), width]);
    assert.ok(4 * rows * width <= maxBytes, `${piece.name}: ${width} outputs`);
    if (i < mine.length - 1) assert.is(width, mine[0]!.dims.at(-1));
    if (width >= 48 && i < mine.length - 1) assert.is(width % 48, 0);
    const values = piece.read();
    assert.is(values.length, rows * width);
    for (let row = 0; row < rows; row++) {
      out.set(values.subarray(row * width, (row + 1) * width), row * outputs + from);
    }
    from += width;
  }
  assert.is(from, outputs);
  return out;
}

/** Numbers of one output; vectors are rows. */
function rowsOf(dims: readonly number[]): number {
  return dims.slice(0, -1).reduce((product, length) => product * length, 1);
}

function countNumbers(sum: number, { dims }: NamedMatrix): number {
  return sum + dims.reduce((product, length) => product * length, 1);
}

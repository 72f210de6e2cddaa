import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CheckpointTensors } from '../helpers/files/build-checkpoint.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { materialize } from './materialize.ts';
import { matmul } from './matmul.ts';
import { mechanismSettings } from './mechanism-config.ts';
import { layerHeads } from './mechanism-heads.ts';
import { rotate } from './mechanism-rope.ts';
import { mechanismLogits } from './mechanisms.ts';
import { rope } from './rope.ts';
import { ropeTable } from './rope-table.ts';

const test = suite('variants in the layout of T6, by hand');
const TOKENS = 6;
const HEADS = 5;
const ATTENTION = 'transformer.h.1.attn';
const X = Float64Array.from(createRandom(8).normal(TOKENS * 40));

function heads(name: string) {
  const { config, build } = mechanismVariant(name);
  const { tensors } = build();
  const settings = mechanismSettings(config, tensors);
  return { tensors, ...layerHeads(X, ATTENTION, tensors, settings) };
}

test('sigmoid: values are the mean of σ(a) b, queries that of σ(a) times rotated b', () => {
  const { tensors, q, v, kvHeads, keyDim, valueDim } = heads('tpa-sigmoid');
  assert.equal([kvHeads, keyDim, valueDim], [HEADS, 24, 24]);
  const part = (name: string) => projected(tensors, `W_${name}`);
  assertClose(v, mean(sigmoid(part('A_v')), part('B_v'), 2), { atol: 1e-12, what: 'v' });
  const expected = mean(sigmoid(part('A_q')), turned(part('B_q'), 4, 24), 4);
  assertClose(q, expected, { atol: 1e-12, what: 'q' });
});

test('third order: keys are the mean of a (rotated b ⊗ c), 8 features of b, 3 of c', () => {
  const { tensors, k } = heads('tpa-third-order');
  const b = turned(projected(tensors, 'W_B_k'), 2, 8);
  const c = projected(tensors, 'W_C_k');
  const rows = Array.from({ length: TOKENS * 2 * 24 }, (_, index) => {
    const row = Math.floor(index / 24);
    return b[row * 8 + Math.floor((index % 24) / 3)]! * c[row * 3 + (index % 3)]!;
  });
  assertClose(k, mean(projected(tensors, 'W_A_k'), rows, 2), { atol: 1e-12, what: 'k' });
});

test('non-contextual B: B_k rotates with the token, B_v does not', () => {
  const { tensors, k, v } = heads('tpa-nonctx-b');
  const repeated = (name: string) => {
    const { values } = tensors.get(`${ATTENTION}.c_qkv.${name}`)!;
    return Array.from({ length: TOKENS }, () => [...values]).flat();
  };
  const a = (part: string) => projected(tensors, `W_A_${part}`);
  assertClose(k, mean(a('k'), turned(repeated('B_k'), 2, 24), 2), { atol: 1e-12, what: 'k' });
  assertClose(v, mean(a('v'), repeated('B_v'), 2), { atol: 1e-12, what: 'v' });
});

test('non-contextual A: queries are the mean of stored A times rotated b', () => {
  const { tensors, q } = heads('tpa-nonctx-a');
  const { values } = tensors.get(`${ATTENTION}.c_qkv.A_q`)!;
  const a = Array.from({ length: TOKENS }, () => [...values]).flat();
  const expected = mean(a, turned(projected(tensors, 'W_B_q'), 4, 18), 4);
  assertClose(q, expected, { atol: 1e-12, what: 'q' });
});

test('shared B is TPA with one weight for B_K and B_V', () => {
  const { config, build } = mechanismVariant('tpa-shared-b');
  const { tensors } = build();
  const twice = new Map(
    [...tensors].flatMap(([name, tensor]): [string, typeof tensor][] =>
      ['k', 'v'].map((p) => [name.replace('W_B_kv', `W_B_${p}`), tensor]),
    ),
  );
  const ids = [3, 1, 4, 1, 5];
  const found = mechanismLogits({ ...config, attention: 'tpa' }, twice, ids);
  assertClose(found, mechanismLogits(config, tensors, ids), { atol: 0, what: 'logits' });
});

test('decay multiplies rotated features by base^angle', () => {
  const rules = { theta: 100, precision: 'float32', partialFactor: 0.8, decayBase: 0.5 } as const;
  // frequencies 1 and 1/10; the fifth feature passes
  const found = rotate([...Array(5).fill(0), 1, 1, 1, 1, 1], { rows: 1, width: 5 }, rules);
  const [a, c] = turnedPair(1);
  const [b, d] = turnedPair(0.1);
  assertClose(found, [0, 0, 0, 0, 0, a, b, c, d, 1], { atol: 2e-7, what: 'row' });
});

test.run();

/** c_qkv.{name} of every token. */
function projected(tensors: CheckpointTensors, name: string): Float64Array {
  return matmul(X, tensors.get(`${ATTENTION}.c_qkv.${name}.weight`)!.values, 40);
}

/** Rows turned by the bfloat16 table of T6. */
function turned(b: ArrayLike<number>, rows: number, headDim: number): Float64Array {
  const table = ropeTable([...Array(TOKENS).keys()], headDim, 'bfloat16');
  return rope(b, table, { tokens: TOKENS, rows, headDim });
}

/** The mean over ranks of a ⊗ b, for every token and head. */
function mean(a: ArrayLike<number>, b: ArrayLike<number>, rank: number): Float64Array {
  return materialize(a, b, { heads: HEADS, rank, width: b.length / (TOKENS * rank) });
}

function sigmoid(a: Float64Array): Float64Array {
  return a.map((value) => 1 / (1 + Math.exp(-value)));
}

/** (1, 1) turned and halved per radian. */
function turnedPair(angle: number): [number, number] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [0.5 ** angle * (cos + sin), 0.5 ** angle * (cos - sin)];
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose } from '../helpers/checks/close.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { mechanismAttention, mechanismForward, mechanismLogits } from './mechanisms.ts';
import type { NamedTensors } from './named-tensors.ts';

const test = suite('mechanismLogits()');

const IDS = [...createRandom(6).uniform(16, 0, 61)].map(Math.floor);

for (const { name, config, build } of MECHANISM_VARIANTS) {
  test(`${name}: attention is peaky, later tokens change nothing before them`, () => {
    const { tensors } = build();
    const { logits, maxProduct, residuals } = mechanismForward(config, tensors, IDS);
    assert.is(logits.length, IDS.length * 61);
    assert.is(residuals.length, 2);
    assert.ok(maxProduct > 4, `attention logits up to ${maxProduct}`);
    const shorter = mechanismLogits(config, tensors, IDS.slice(0, 9));
    assertClose(shorter, logits.subarray(0, 9 * 61), { atol: 1e-12, what: 'the first 9 rows' });
  });
}

test('grouped heads are non-contextual A: masks of the groups, times the groups', () => {
  const { config, build } = mechanismVariant('gqa');
  const { tensors } = build();
  const recast = new Map(tensors);
  for (const layer of [0, 1]) {
    const name = `transformer.h.${layer}.attn`;
    const own = Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 6 : 0));
    const grouped = [2, 0, 2, 0, 2, 0, 0, 2, 0, 2, 0, 2];
    for (const [p, mask, rank] of [
      ['q', own, 6],
      ['k', grouped, 2],
      ['v', grouped, 2],
    ] as const) {
      recast.set(`${name}.c_qkv.A_${p}`, { shape: [6, rank], values: Float32Array.from(mask) });
      recast.set(`${name}.c_qkv.W_B_${p}.weight`, tensors.get(`${name}.c_${p}.weight`)!);
    }
  }
  const found = mechanismLogits({ ...config, attention: 'tpa-nonctx-a' }, recast, IDS);
  assertClose(found, mechanismLogits(config, tensors, IDS), { atol: 1e-12, what: 'logits' });
});

test('a sigmoid of 0 is non-contextual A of a half', () => {
  const { config, build } = mechanismVariant('tpa-sigmoid');
  const { tensors } = build();
  const halves = new Map(tensors);
  for (const [name, { shape, values }] of tensors) {
    if (!name.includes('.W_A_')) continue;
    tensors.set(name, { shape, values: new Float32Array(values.length) });
    const rank = shape[0]! / 5;
    const half = new Float32Array(5 * rank).fill(0.5);
    const parameter = name.replace('.W_A_', '.A_').replace('.weight', '');
    halves.set(parameter, { shape: [5, rank], values: half });
  }
  const found = mechanismLogits({ ...config, attention: 'tpa-nonctx-a' }, halves, IDS);
  assertClose(found, mechanismLogits(config, tensors, IDS), { atol: 1e-12, what: 'logits' });
});

test('shared B is TPA with one weight for B_K and B_V', () => {
  const { config, build } = mechanismVariant('tpa-shared-b');
  const { tensors } = build();
  const twice = new Map(
    [...tensors].flatMap(([name, tensor]): [string, typeof tensor][] =>
      ['k', 'v'].map((p) => [name.replace('W_B_kv', `W_B_${p}`), tensor]),
    ),
  );
  const found = mechanismLogits({ ...config, attention: 'tpa' }, twice, IDS);
  assertClose(found, mechanismLogits(config, tensors, IDS), { atol: 0, what: 'logits' });
});

test('an attention key that repeats what the names say changes nothing', () => {
  const { config, build } = mechanismVariant('tpa-partial');
  const { tensors } = build();
  const keyed = mechanismLogits({ ...config, attention: 'tpa' }, tensors, IDS);
  assertClose(keyed, mechanismLogits(config, tensors, IDS), { atol: 0, what: 'logits' });
});

test('linear attention equals its recurrence over a state of headDim × headDim', () => {
  const { config, build } = mechanismVariant('linear-gqa');
  const { tensors } = build();
  const x = Float64Array.from(createRandom(3).normal(16 * 40));
  // without positions: no feature rotates
  const still = { ...config, rope_partial_factor: 0 };
  const { out } = mechanismAttention(still, tensors, x, 0);
  const projected = (name: string, t: number) => product(tensors, name, part64(x, t, 16));
  const expected: number[] = [];
  const state = new Float64Array(2 * 18 * 18); // (kvHeads, headDim, headDim): Σ k vᵀ
  for (let t = 0; t < 16; t++) {
    const [q, k, v] = ['c_q', 'c_k', 'c_v'].map((name) => projected(name, t));
    state.forEach((_, i) => {
      const [head, d, e] = [Math.floor(i / 324), Math.floor(i / 18) % 18, i % 18];
      state[i]! += k![head * 18 + d]! * v![head * 18 + e]!;
    });
    const heads = Float64Array.from({ length: 6 * 18 }, (_, i) => {
      const [head, e] = [Math.floor(i / 18), i % 18];
      const group = Math.floor(head / 3);
      return [...Array(18).keys()].reduce(
        (sum, d) => sum + q![head * 18 + d]! * state[(group * 18 + d) * 18 + e]!,
        0,
      );
    });
    expected.push(...product(tensors, 'c_proj', heads));
  }
  assertClose(out, expected, { atol: 1e-10, what: 'out' });
});

test('third order: the first token is the mean of a · vec(b ⊗ c), by hand', () => {
  const { config, build } = mechanismVariant('tpa-third-order');
  const { tensors } = build();
  const x = Float64Array.from(createRandom(4).normal(40));
  const [a, b, c] = ['A', 'B', 'C'].map((f) => product(tensors, `c_qkv.W_${f}_v`, x));
  const heads = Float64Array.from({ length: 5 * 24 }, (_, index) => {
    const [head, i, j] = [Math.floor(index / 24), Math.floor((index % 24) / 3), index % 3];
    return [0, 1].reduce(
      (sum, r) => sum + (a![head * 2 + r]! * b![r * 8 + i]! * c![r * 3 + j]!) / 2,
      0,
    );
  });
  const { out } = mechanismAttention(config, tensors, x, 0);
  assertClose(out, product(tensors, 'c_proj', heads), { atol: 1e-12, what: 'out' });
});

test('non-contextual B: the first token is the mean of a ⊗ B_v, by hand', () => {
  const { config, build } = mechanismVariant('tpa-nonctx-b');
  const { tensors } = build();
  const x = Float64Array.from(createRandom(4).normal(40));
  const a = product(tensors, 'c_qkv.W_A_v', x);
  const b = tensors.get('transformer.h.0.attn.c_qkv.B_v')!.values;
  const heads = Float64Array.from({ length: 5 * 24 }, (_, index) => {
    const head = Math.floor(index / 24);
    return (a[head * 2]! * b[index % 24]! + a[head * 2 + 1]! * b[24 + (index % 24)]!) / 2;
  });
  const { out } = mechanismAttention(config, tensors, x, 0);
  assertClose(out, product(tensors, 'c_proj', heads), { atol: 1e-12, what: 'out' });
});

test('decay makes the tables float32 unless rope_precision says otherwise', () => {
  const { config, build } = mechanismVariant('tpa-decay');
  const { tensors } = build();
  const right = mechanismLogits(config, tensors, IDS);
  const named = mechanismLogits({ ...config, rope_precision: 'float32' }, tensors, IDS);
  assertClose(named, right, { atol: 0, what: 'logits' });
  const bfloat16 = mechanismLogits({ ...config, rope_precision: 'bfloat16' }, tensors, IDS);
  const broken = mechanismLogits(config, tensors, IDS, { break: 'rope-precision' });
  assertClose(bfloat16, broken, { atol: 0, what: 'logits' });
});

test.run();

/** A linear layer of the first block's attention on one token. */
function product(tensors: NamedTensors, name: string, x: Float64Array): number[] {
  const { shape, values } = tensors.get(`transformer.h.0.attn.${name}.weight`)!;
  const [rows, columns] = shape as [number, number];
  return Array.from({ length: rows }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * values[row * columns + i]!, 0),
  );
}

/** Part `index` of `count` equal parts. */
function part64(data: Float64Array, index: number, count: number): Float64Array {
  const length = data.length / count;
  return data.subarray(index * length, (index + 1) * length);
}

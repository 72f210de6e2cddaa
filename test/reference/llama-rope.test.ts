import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { llamaSettings } from './llama-config.ts';
import { llamaFrequencies, llamaRopeTable } from './llama-rope.ts';
import { ropeTable } from './rope-table.ts';

const test = suite('llamaFrequencies()');

/** 64 pairs: theta 2^64 makes the frequencies 1, 1/2, 1/4 … */
const HALVING = { headDim: 128, theta: 2 ** 64, maxPositions: 4096 };

function frequencies(scaling: object | null, { headDim, theta, maxPositions } = HALVING) {
  const config = {
    architectures: ['LlamaForCausalLM'],
    num_attention_heads: 1,
    hidden_size: headDim,
    num_hidden_layers: 1,
    max_position_embeddings: maxPositions,
    rope_theta: theta,
    rope_scaling: scaling,
  };
  return llamaFrequencies(llamaSettings(config));
}

test('without scaling the table is that of T6 in float32', () => {
  const found = llamaRopeTable(40, frequencies(null, { ...HALVING, headDim: 16, theta: 10000 }));
  const expected = ropeTable([...Array(40).keys()], 16, 'float32');
  assertClose(found.cos, expected.cos, { atol: 6e-8, what: 'cos' });
  assertClose(found.sin, expected.sin, { atol: 6e-8, what: 'sin' });
});

test('linear divides every frequency, whichever way the kind is spelled', () => {
  const plain = frequencies(null).frequencies;
  for (const key of ['type', 'rope_type']) {
    const scaled = frequencies({ [key]: 'linear', factor: 4 });
    assertSame(
      scaled.frequencies,
      plain.map((frequency) => frequency / 4),
      key,
    );
    assert.is(scaled.attentionFactor, 1);
  }
});

test('llama3 keeps waves below original / high, divides above original / low, blends between', () => {
  // wavelengths are 2π·2^i; the limits are 16 and 64, so i = 2 and 3 (25.1, 50.3) are blended
  const { frequencies: scaled, attentionFactor } = frequencies({
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  });
  const expected = [1, 1 / 2, blended(2), blended(3), 1 / 128, 1 / 256];
  assertClose(scaled.subarray(0, 6), expected, { atol: 1e-7, what: 'frequencies' });
  assert.is(scaled[63], 2 ** -66);
  assert.is(attentionFactor, 1);
});

const YARN = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 1024 };

test('yarn keeps pairs of more than beta_fast turns, divides those of fewer than beta_slow', () => {
  // pair i turns 1024 / (2π·2^i) times: 32 turns at i = 2.35, 1 turn at i = 7.35
  const { frequencies: scaled, attentionFactor } = frequencies(YARN);
  const expected = ramped(2, 8);
  assertClose(scaled, expected, { atol: 1e-8, what: 'frequencies' });
  assert.is(attentionFactor, 0.1 * Math.log(4) + 1);
});

test('yarn without truncation ramps between the exact pairs', () => {
  const { frequencies: scaled } = frequencies({ ...YARN, truncate: false, beta_fast: 16 });
  const [from, to] = [16, 1].map((turns) => Math.log2(1024 / (turns * 2 * Math.PI)));
  const expected = ramped(from!, to!);
  assertClose(scaled, expected, { atol: 1e-8, what: 'frequencies' });
});

test('the original context of yarn is max_position_embeddings where nothing says otherwise', () => {
  const { original_max_position_embeddings: original, ...rest } = YARN;
  const inferred = frequencies(rest, { ...HALVING, maxPositions: original });
  assertSame(inferred.frequencies, frequencies(YARN).frequencies, 'frequencies');
});

test('attention_factor, then mscale over mscale_all_dim, then 0.1 ln(factor) + 1', () => {
  const log = Math.log(4);
  assert.is(factorOf({ attention_factor: 1.5, mscale: 1, mscale_all_dim: 2 }), 1.5);
  const ratio = (0.07 * log + 1) / (0.05 * log + 1);
  assert.ok(Math.abs(factorOf({ mscale: 0.7, mscale_all_dim: 0.5 }) - ratio) < 1e-12);
  assert.is(factorOf({ mscale: 0.7 }), 0.1 * log + 1);
  assert.is(factorOf({ factor: 1 }), 1);
});

test('the attention factor multiplies cosines and sines', () => {
  const table = llamaRopeTable(3, { frequencies: Float32Array.of(1), attentionFactor: 2 });
  assertSame(table.cos, [2, 2 * Math.cos(1), 2 * Math.cos(2)], 'cos');
  assertSame(table.sin, [0, 2 * Math.sin(1), 2 * Math.sin(2)], 'sin');
});

test('an unknown kind of scaling is an error', () => {
  assert.throws(() => frequencies({ rope_type: 'dynamic', factor: 2 }), /dynamic/);
});

test.run();

/** The llama3 frequency of pair i between the limits of the test above. */
function blended(i: number): number {
  const smooth = (64 / (2 * Math.PI * 2 ** i) - 1) / 3;
  return 2 ** -i * (smooth + (1 - smooth) / 8);
}

/** Halving frequencies, kept up to pair `from`, a quarter of them after pair `to`. */
function ramped(from: number, to: number): number[] {
  return Array.from({ length: 64 }, (_, i) => {
    const ramp = Math.min(Math.max((i - from) / (to - from), 0), 1);
    return 2 ** -i * (1 - ramp + ramp / 4);
  });
}

function factorOf(changes: object): number {
  return frequencies({ ...YARN, ...changes }).attentionFactor;
}

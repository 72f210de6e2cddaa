import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eachRefused, refused } from '../../helpers/checks/refused.ts';
import { llamaConfig } from '../../helpers/models/tiny-configs.ts';
import type { RopeScaling } from '../../../src/attention/rope.ts';
import type { Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() of rope_scaling');

/** The scaling of a context of 4096. */
function scaling(rope_scaling: unknown, changes: Json = {}): RopeScaling | undefined {
  const context = { max_position_embeddings: 4096 };
  return llamaConfig('llama', { ...context, rope_scaling, ...changes }).ropeScaling;
}

const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};
const YARN = { type: 'yarn', factor: 4, original_max_position_embeddings: 1024 };

test('reads default, linear, llama3 and yarn by rope_type or type', () => {
  for (const key of ['type', 'rope_type']) {
    assert.is(scaling({ [key]: 'default' }), undefined);
    assert.equal(scaling({ [key]: 'linear', factor: 2.5 }), { type: 'linear', factor: 2.5 });
  }
  assert.is(scaling(null), undefined);
  assert.equal(scaling({ ...LLAMA3, type: 'llama3' }), {
    type: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalContext: 8192,
  });
  assert.equal(scaling(YARN), {
    type: 'yarn',
    factor: 4,
    originalContext: 1024,
    betaFast: 32,
    betaSlow: 1,
    attentionFactor: 0.1 * Math.log(4) + 1,
    isTruncated: true,
  });
});

const yarn = (changes: Json): Extract<RopeScaling, { type: 'yarn' }> => {
  const read = scaling({ ...YARN, ...changes });
  assert.is(read?.type, 'yarn');
  return read as Extract<RopeScaling, { type: 'yarn' }>;
};

test('yarn: defaults are the context, 32, 1 and 0.1 ln(factor) + 1', () => {
  assert.is(yarn({ original_max_position_embeddings: null }).originalContext, 4096);
  const betas = yarn({ beta_fast: 16, beta_slow: 0.5 });
  assert.equal([betas.betaFast, betas.betaSlow], [16, 0.5]);
  assert.is(yarn({ truncate: false }).isTruncated, false);
  assert.is(yarn({ attention_factor: 0.75, mscale: 2, mscale_all_dim: 1 }).attentionFactor, 0.75);
  assert.is(yarn({ factor: 1 }).attentionFactor, 1);
  const log = Math.log(4);
  const ratio = (0.1 * 0.707 * log + 1) / (0.1 * 0.5 * log + 1);
  const both = yarn({ mscale: 0.707, mscale_all_dim: 0.5 }).attentionFactor;
  assert.ok(Math.abs(both - ratio) < 1e-15);
  assert.is(yarn({ mscale: 1, mscale_all_dim: 1 }).attentionFactor, 1);
  // only one of them, or 0: not set, as transformers reads it
  for (const changes of [{ mscale: 2 }, { mscale_all_dim: 2 }, { mscale: 2, mscale_all_dim: 0 }]) {
    assert.is(yarn(changes).attentionFactor, 0.1 * log + 1);
  }
});

const read = (rope_parameters: unknown, changes: Json = {}): ReturnType<typeof llamaConfig> =>
  llamaConfig('qwen3', { rope_theta: undefined, rope_parameters, ...changes });

test('rope_parameters of newer exports hold theta and scaling', async () => {
  const plain = read({ rope_type: 'default', rope_theta: 1e6 });
  assert.equal([plain.ropeTheta, plain.ropeScaling], [1e6, undefined]);
  assert.is(read({ rope_theta: 1e6 }).ropeTheta, 1e6);
  assert.is(read({}).ropeTheta, 10_000);
  assert.is(read({ rope_theta: 1e6 }, { rope_theta: 1e6 }).ropeTheta, 1e6);
  const scaled = read({ rope_type: 'linear', factor: 2, rope_theta: 5e5 });
  assert.equal([scaled.ropeTheta, scaled.ropeScaling], [5e5, { type: 'linear', factor: 2 }]);

  const two = await refused(() => read({ rope_theta: 1e6 }, { rope_theta: 1e5 }), 'CONFIG_INVALID');
  assert.is(two.data['path'], 'rope_theta');
  const layers = { full_attention: { rope_theta: 1e6 }, sliding_attention: { rope_theta: 1e4 } };
  const split = await refused(() => read(layers), 'MODEL_UNSUPPORTED');
  assert.is(split.data['path'], 'rope_parameters.full_attention');
});

test('other scalings are refused by name', async () => {
  for (const type of ['mrope', 'ntk', 'proportional', 'DEFAULT', '']) {
    for (const object of [
      { type, factor: 2 },
      { rope_type: type, factor: 2 },
      { type, rope_type: 'default' },
    ]) {
      const label = JSON.stringify(object);
      const error = await refused(() => scaling(object), 'MODEL_UNSUPPORTED', label);
      assert.is(error.data['path'], 'rope_scaling.rope_type');
      assert.is(error.data['found'], type);
    }
  }
  await refused(() => scaling({ ...LLAMA3, type: 'yarn' }), 'MODEL_UNSUPPORTED', { found: 'yarn' });
  for (const [key, value] of Object.entries({
    partial_rotary_factor: 0.5,
    mrope_section: [16, 24, 24],
  })) {
    const run = (): unknown => scaling({ rope_type: 'default', [key]: value });
    await refused(run, 'MODEL_UNSUPPORTED', key, { path: `rope_scaling.${key}` });
  }
});

test('C1 refuses each field of each scaling × 16 odd values by its path', async () => {
  const odd = [0, -1, -0.5, '8', Infinity, NaN, 2 ** 31, 2 ** 53, 1e300, true, '', [], {}, [[1]]];
  const counts = [...odd, 1.5, 5e-324];
  const table: [Json, string, readonly unknown[]][] = [
    [{ type: 'linear', factor: 2 }, 'factor', odd],
    [LLAMA3, 'factor', odd],
    [LLAMA3, 'low_freq_factor', odd],
    [LLAMA3, 'high_freq_factor', odd],
    [LLAMA3, 'original_max_position_embeddings', counts],
    [YARN, 'factor', odd],
    [YARN, 'original_max_position_embeddings', counts],
    [YARN, 'beta_fast', odd],
    [YARN, 'beta_slow', odd],
    [YARN, 'attention_factor', odd],
    [YARN, 'mscale', odd.slice(1)],
    [YARN, 'mscale_all_dim', odd.slice(1)],
    [YARN, 'truncate', odd.filter((value) => value !== true)],
    [LLAMA3, 'rope_type', odd.filter((value) => typeof value !== 'string')],
    [LLAMA3, 'type', odd.filter((value) => typeof value !== 'string')],
    [LLAMA3, 'rope_theta', odd.filter((value) => value !== 2 ** 31)],
  ];
  for (const [object, key, values] of table) {
    for (const value of values) {
      const run = (): unknown => scaling({ ...object, [key]: value });
      const error = await refused(run, 'CONFIG_INVALID', `${key} ${String(value)}`);
      assert.is(error.data['path'], `rope_scaling.${key}`);
      assert.type(error.data['rule'], 'string');
    }
  }
  for (const key of ['factor', 'low_freq_factor', 'high_freq_factor', 'rope_type']) {
    const run = (): unknown => scaling({ ...LLAMA3, [key]: undefined });
    assert.is((await refused(run, 'CONFIG_INVALID', key)).data['path'], `rope_scaling.${key}`);
  }
  await eachRefused(scaling, 'CONFIG_INVALID', ['linear', 8, true, [1]], { path: 'rope_scaling' });
  for (const off of [false, 0, -1, [], {}, { type: null, factor: null }])
    assert.is(scaling(off), undefined);
});

test('C1 refuses relations: high <= low frequency factor, beta_fast <= beta_slow, yarn on theta 1', async () => {
  const table: [unknown, Json, string][] = [
    [{ ...LLAMA3, high_freq_factor: 1 }, {}, 'rope_scaling.high_freq_factor'],
    [{ ...YARN, beta_fast: 1 }, {}, 'rope_scaling.beta_fast'],
    [YARN, { rope_theta: 1 }, 'rope_theta'],
    [{ type: 'linear', factor: 0.5 }, {}, 'rope_scaling.factor'],
  ];
  for (const [object, changes, path] of table) {
    await refused(() => scaling(object, changes), 'CONFIG_INVALID', path, { path });
  }
  assert.is(llamaConfig('llama', { rope_theta: 1 }).ropeTheta, 1);
});

test('unread keys of the object are listed under its name', () => {
  const rope_scaling = { rope_type: 'linear', factor: 2, finetuned: true };
  const { ignoredKeys } = llamaConfig('llama', { rope_scaling });
  assert.is(ignoredKeys.at(-1), 'rope_scaling.finetuned');
});

test.run();

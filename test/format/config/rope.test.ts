import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/format/config/config.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { LLAMA_TENSORS, llamaConfig, llamaJson } from '../../helpers/models/tiny-configs.ts';
import type { LongScaling } from '../../../src/attention/rope.ts';
import type { Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() of RoPE said twice, dynamic and longrope');

const NO_THETA = { rope_theta: undefined };
const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** What a file with both objects comes to. */
const both = (rope_parameters: Json, rope_scaling: unknown, changes: Json = {}) => {
  const { ropeTheta, ropeScaling } = llamaConfig('llama', {
    ...NO_THETA,
    rope_parameters,
    rope_scaling,
    ...changes,
  });
  return { ropeTheta, ropeScaling };
};

test('rope_parameters and rope_scaling that say the same are one, however they say it', () => {
  const yarn = { rope_type: 'yarn', factor: 4 };
  const table: [Json, unknown][] = [
    [{ ...LLAMA3, rope_theta: 5e5 }, LLAMA3],
    [{ ...LLAMA3 }, { ...LLAMA3, rope_type: undefined, type: 'llama3' }],
    // a default said and not said
    [yarn, { ...yarn, beta_fast: 32, truncate: true, original_max_position_embeddings: 131_072 }],
    [
      { rope_type: 'linear', factor: 2, rope_theta: 1e6 },
      { type: 'linear', factor: 2.0 },
    ],
    // nothing is scaled
    [{ rope_type: 'default', rope_theta: 1e6 }, { type: 'default' }],
    [{ rope_theta: 1e6 }, { type: 'dynamic', factor: 2 }],
    [{ rope_theta: 1e6 }, null],
    [{ rope_theta: 1e6 }, {}],
    [{}, LLAMA3],
  ];
  for (const [parameters, scaling] of table) {
    const isEmpty = Object.keys(parameters).length === 0;
    const alone = both(isEmpty ? LLAMA3 : parameters, undefined);
    assert.equal(both(parameters, scaling), alone, JSON.stringify([parameters, scaling]));
    const { ropeTheta } = alone;
    assert.equal(both(parameters, scaling, { rope_theta: ropeTheta }), alone);
  }
});

test('a contradiction is refused with both values named', async () => {
  const table: [Json, Json, RegExp][] = [
    [LLAMA3, { ...LLAMA3, factor: 4 }, /factor 8, as "rope_parameters" has it, got factor 4$/],
    [LLAMA3, { ...LLAMA3, original_max_position_embeddings: 4096 }, /8192.*got .*4096$/],
    [LLAMA3, { type: 'linear', factor: 8 }, /type llama3, .*, got type linear$/],
    [{ rope_theta: 1e4 }, { type: 'linear', factor: 2 }, /type default, .*, got type linear$/],
    [{ rope_type: 'linear', factor: 2 }, { type: 'default' }, /type linear, .*, got type default$/],
    [{ rope_type: 'linear', factor: 2 }, { type: 'dynamic', factor: 2 }, /got type default$/],
  ];
  for (const [parameters, scaling, message] of table) {
    const run = () => both(parameters, scaling);
    await refused(run, 'CONFIG_INVALID', message, { path: 'rope_scaling' });
  }
  const thetas: [Json, unknown, Json][] = [
    [{ rope_theta: 1e6 }, null, { rope_theta: 1e5 }],
    [{ rope_theta: 1e6 }, { type: 'default', rope_theta: 1e5 }, {}],
    [{}, { type: 'default', rope_theta: 1e6 }, { rope_theta: 1e5 }],
  ];
  for (const [parameters, scaling, changes] of thetas) {
    const run = () => both(parameters, scaling, changes);
    await refused(run, 'CONFIG_INVALID', /1000000.*100000$|100000.*1000000$/);
  }
});

test('dynamic is plain RoPE, its context the own one of the model', async () => {
  const plain = llamaConfig('llama');
  for (const scaling of [
    { type: 'dynamic', factor: 2 },
    { rope_type: 'dynamic', factor: 8.5 },
  ]) {
    assert.equal(llamaConfig('llama', { rope_scaling: scaling }), plain);
  }
  // a base that is stretched from the first token on
  const alpha = { rope_scaling: { type: 'dynamic', factor: 1, alpha: 1000 } };
  const path = 'rope_scaling.alpha';
  await refused(() => llamaConfig('llama', alpha), 'MODEL_UNSUPPORTED', { path });
});

const LONG = {
  type: 'longrope',
  short_factor: [1, 1, 1.05, 1.1],
  long_factor: [1, 1.5, 8, 60],
  original_max_position_embeddings: 4096,
};

/** The scaling of a model of 131,072 tokens, loaded for so many. */
const long = (rope_scaling: Json, maxContext?: number, changes: Json = {}) => {
  const json = llamaJson('llama', { rope_scaling, ...changes });
  return parseConfig(json, LLAMA_TENSORS, maxContext).ropeScaling as LongScaling;
};

test('longrope takes its short factors where no session passes the original context', () => {
  const attentionFactor = Math.sqrt(1 + Math.log(32) / Math.log(4096));
  const scaling = { type: 'longrope', factor: 32, originalContext: 4096, attentionFactor };
  for (const maxContext of [1, 4096]) {
    assert.equal(long(LONG, maxContext), { ...scaling, factors: LONG.short_factor });
  }
  for (const maxContext of [undefined, 4097, 2 ** 24]) {
    assert.equal(long(LONG, maxContext), { ...scaling, factors: LONG.long_factor });
  }
});

test('longrope: the original context may stand beside the object, the factor inside', async () => {
  const { original_max_position_embeddings: original, ...rest } = LONG;
  const outside = { original_max_position_embeddings: original };
  assert.equal(long(rest, undefined, outside), long(LONG));
  assert.equal(long(LONG, undefined, outside), long(LONG));
  assert.equal(long({ ...LONG, type: 'su' }), long(LONG));
  assert.equal(long({ ...LONG, type: 'su', rope_type: 'longrope' }), long(LONG));
  // nowhere: the model's own, which no session passes
  assert.equal(long(rest).factors, LONG.short_factor);
  assert.is(long(rest).attentionFactor, 1);
  assert.is(long({ ...LONG, factor: 4096 }).attentionFactor, Math.sqrt(2));
  assert.is(long({ ...LONG, attention_factor: 1.5 }).attentionFactor, 1.5);
  const other = { original_max_position_embeddings: 2048 };
  await refused(() => long(LONG, undefined, other), 'CONFIG_INVALID', /4096.*got 2048$/);
});

test('C1 refuses odd factors of longrope by their path', async () => {
  const odd = [null, [], [1, 1, 1], [1, 1, 1, 1, 1], 'x', 4, {}, true];
  const numbers = [0, -1, NaN, Infinity, '1', null, [1], 1e-9, 2 ** 17];
  for (const key of ['short_factor', 'long_factor']) {
    for (const value of [...odd, ...numbers.map((number) => [1, number, 1, 1])]) {
      const run = () => long({ ...LONG, [key]: value });
      await refused(run, 'CONFIG_INVALID', JSON.stringify(value), { path: `rope_scaling.${key}` });
    }
  }
  for (const [key, value] of [
    ['original_max_position_embeddings', 1],
    ['factor', 0.5],
    ['attention_factor', 0],
  ] as const) {
    const run = () => long({ ...LONG, [key]: value });
    await refused(run, 'CONFIG_INVALID', key, { path: `rope_scaling.${key}` });
  }
  const scale = { ...LONG, long_mscale: 1.2 };
  await refused(() => long(scale), 'MODEL_UNSUPPORTED', { path: 'rope_scaling.long_mscale' });
});

test('a context that is asked for is never longer than the own one', () => {
  for (const family of ['llama', 'mistral', 'qwen2', 'qwen3'] as const) {
    const json = llamaJson(family);
    assert.is(parseConfig(json, LLAMA_TENSORS, 100).contextLength, 100);
    assert.is(parseConfig(json, LLAMA_TENSORS, 2 ** 24).contextLength, 131_072);
  }
  // yarn's original context is the own one where it is not stated
  const yarn = llamaJson('llama', { rope_scaling: { type: 'yarn', factor: 2 } });
  const { ropeScaling } = parseConfig(yarn, LLAMA_TENSORS, 100);
  assert.is((ropeScaling as { originalContext?: number }).originalContext, 131_072);
});

test.run();

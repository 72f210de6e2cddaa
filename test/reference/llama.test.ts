import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, assertSame, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  floats,
  goldenFiles,
  integers,
  loadGolden,
  tolerance,
  TWIN_MARGIN,
  type Golden,
} from '../helpers/checks/golden.ts';
import { namedTensors } from '../helpers/models/golden-model.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../helpers/models/llama-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { part } from '../helpers/models/t6-model.ts';
import { llamaForward, llamaLogits } from './llama.ts';
import type { NamedTensors } from './named-tensors.ts';

const test = suite('llamaLogits()');

/** Longer than twice the widest window. */
const IDS = [...createRandom(5).uniform(14, 0, 97)].map(Math.floor);

for (const path of goldenFiles('model_llama_').filter((file) => !file.includes('mla'))) {
  const golden = loadGolden(path);
  test(`${golden.name} written as LlamaForCausalLM gives its logits to a tenth of the tolerance`, () => {
    const { config, tensors } = asHuggingFace(golden);
    const ids = integers(golden, 'ids');
    for (const row of [0, 1]) {
      assertClose(
        llamaLogits(config, tensors, part(ids, row, 2)),
        part(floats(golden, 'logits_exact'), row, 2),
        { atol: tolerance(golden, 'logits_exact') / TWIN_MARGIN, what: `row ${row}` },
      );
    }
  });
}

for (const { name, config, build } of LLAMA_VARIANTS) {
  test(`${name}: attention is peaky, logits are large, later tokens change nothing before them`, () => {
    const { tensors } = build();
    const { logits, maxProduct, residuals } = llamaForward(config, tensors, IDS);
    assert.is(logits.length, IDS.length * 97);
    assert.is(residuals.length, config['num_hidden_layers']);
    assert.ok(maxProduct > 4 && maxProduct < 30, `attention logits up to ${maxProduct}`);
    assert.ok(logits.some((logit) => Math.abs(logit) > 5));
    const shorter = llamaLogits(config, tensors, IDS.slice(0, 9));
    assertClose(shorter, logits.subarray(0, 9 * 97), { atol: 1e-12, what: 'the first 9 rows' });
  });
}

test('a window of 6 ends at the fifth token before: i − 6 is not seen, i − 5 is', () => {
  const { config, build } = llamaVariant('mistral-window');
  const { tensors } = build();
  // a second layer would see through the first
  const lastRow = (ids: number[]) =>
    llamaLogits({ ...config, num_hidden_layers: 1 }, tensors, ids).subarray(-97);
  const changedAt = (at: number) => IDS.map((id, i) => (i === at ? (id + 1) % 97 : id));
  const last = IDS.length - 1;
  assert.is(maxAbsDiff(lastRow(changedAt(last - 6)), lastRow(IDS)), 0);
  assert.ok(maxAbsDiff(lastRow(changedAt(last - 5)), lastRow(IDS)) > 1e-3);
});

test('grouped key/value heads equal the same weights repeated for every head', () => {
  const { config, build } = llamaVariant('llama-gqa');
  const { tensors } = build();
  const repeated = new Map(
    [...tensors].map(([name, tensor]) => {
      if (!/[kv]_proj/.test(name)) return [name, tensor];
      const values = [0, 0, 0, 1, 1, 1].flatMap((head) => [...part(tensor.values, head, 2)]);
      return [name, { shape: [96, 48], values: Float32Array.from(values) }];
    }),
  );
  const whole = llamaLogits({ ...config, num_key_value_heads: 6 }, repeated, IDS);
  assertSame(llamaLogits(config, tensors, IDS), whole, 'logits');
});

test('layer_types says what max_window_layers says', () => {
  const { config, build } = llamaVariant('qwen2-window');
  const { tensors } = build();
  const { layer_types: _types, ...older } = config;
  assertSame(llamaLogits(older, tensors, IDS), llamaLogits(config, tensors, IDS), 'logits');
});

test('rope_parameters of version 5 give the same logits as rope_theta and rope_scaling', () => {
  const { config: stored, build } = llamaVariant('llama-rope-llama3');
  const { tensors } = build();
  const theta = 500; // the stored one is the default
  const config = { ...stored, rope_theta: theta };
  const { rope_scaling: scaling, rope_theta: _theta, ...rest } = config as typeof stored;
  const newer = { ...rest, rope_parameters: { ...(scaling as object), rope_theta: theta } };
  const plain = { ...rest, rope_parameters: { rope_type: 'default', rope_theta: theta } };
  assertSame(llamaLogits(newer, tensors, IDS), llamaLogits(config, tensors, IDS), 'scaled');
  assertSame(
    llamaLogits(plain, tensors, IDS),
    llamaLogits(config, tensors, IDS, { break: 'scaling' }),
    'default',
  );
});

test('a missing tensor or architecture is an error', () => {
  const { config, build } = llamaVariant('llama-untied');
  const { tensors } = build();
  tensors.delete('lm_head.weight');
  assert.throws(() => llamaLogits(config, tensors, IDS), /lm_head/);
  const unknown = { ...config, architectures: ['GemmaForCausalLM'] };
  assert.throws(() => llamaLogits(unknown, tensors, IDS), /GemmaForCausalLM/);
});

test.run();

/**
 * A baseline in the layout of T6 as a Hugging Face checkpoint. Swapping the halves of each head of
 * q and k turns the rotation around; norms without a weight have one of 1.
 */
function asHuggingFace(golden: Golden): { config: object; tensors: NamedTensors } {
  const { n_head: heads, head_dim, n_embd: dim, n_layer, group_size = 1 } = golden.meta.config;
  const headDim = head_dim ?? dim! / heads!;
  const config = {
    architectures: ['LlamaForCausalLM'],
    num_attention_heads: heads,
    num_key_value_heads: heads! / group_size,
    num_hidden_layers: n_layer,
    hidden_size: dim,
    head_dim: headDim,
    max_position_embeddings: 64,
    rms_norm_eps: 2 ** -23,
    tie_word_embeddings: true,
  };
  const renamed: [RegExp, string][] = [
    [/^transformer\.wte/, 'model.embed_tokens'],
    [/^transformer\.h/, 'model.layers'],
    [/attn\.c_proj/, 'self_attn.o_proj'],
    [/attn\.c_(.)/, 'self_attn.$1_proj'],
    [/c_fc1/, 'gate_proj'],
    [/c_fc2/, 'up_proj'],
    [/mlp\.c_proj/, 'mlp.down_proj'],
  ];
  const norms = ['model.norm'];
  for (let layer = 0; layer < n_layer!; layer++) {
    norms.push(`model.layers.${layer}.input_layernorm`);
    norms.push(`model.layers.${layer}.post_attention_layernorm`);
  }
  const tensors = new Map(
    norms.map((name) => [
      `${name}.weight`,
      { shape: [dim!], values: new Float32Array(dim!).fill(1) },
    ]),
  );
  for (const [name, { shape, values }] of namedTensors(golden)) {
    const newName = renamed.reduce((old, [from, to]) => old.replace(from, to), name);
    const isRotated = /[qk]_proj/.test(newName);
    const swapped = Float32Array.from(values, (value, index) => {
      if (!isRotated) return value;
      const row = Math.floor(index / dim!);
      const inHead = row % headDim;
      const from = row - inHead + ((inHead + headDim / 2) % headDim);
      return values[from * dim! + (index % dim!)]!;
    });
    tensors.set(newName, { shape: [...shape], values: swapped });
  }
  return { config, tensors };
}

import { suite } from 'uvu';
import { assertClose } from '../helpers/checks/close.ts';
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
import { part } from '../helpers/models/t6-model.ts';
import { llamaLogits } from './llama.ts';
import type { NamedTensors } from './named-tensors.ts';

const test = suite('llamaLogits()');

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

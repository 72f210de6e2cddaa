import { Compute } from '../../../src/compute/compute.ts';
import { chatConfigOf } from '../../../src/format/config/chat-config.ts';
import { parseConfig } from '../../../src/format/config/config.ts';
import { parseGenerationConfig } from '../../../src/format/config/generation-config.ts';
import type { ModelConfig } from '../../../src/format/config/model-config.ts';
import { checkBudget } from '../../../src/model/check-budget.ts';
import { WeightDtypes } from '../../../src/weights/dtypes.ts';
import { createEngine } from '../../../src/wasm/engine.ts';
import { LLAMA_TENSORS, llamaJson, T6_JSON, TENSORS } from '../../helpers/models/tiny-configs.ts';
import type { Draw } from '../draw.ts';
import { mutated } from '../mutate.ts';
import { holds, isRefusal, target } from '../target.ts';

const compute = new Compute(await createEngine({ simd: 'baseline' }));

const T6_KINDS = Object.keys(TENSORS) as (keyof typeof TENSORS)[];
const FAMILIES = ['llama', 'mistral', 'qwen2', 'qwen3'] as const;

/** Forms in use, and keys that some files have. */
const ROPE = [
  { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
  { type: 'linear', factor: 2 },
  { rope_type: 'dynamic', factor: 2, original_max_position_embeddings: 2048 },
  { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 4096, beta_fast: 32 },
  { rope_type: 'longrope', short_factor: [1, 1], long_factor: [2, 2], factor: 4 },
];
const KEYS =
  'rope_scaling rope_parameters rope_theta sliding_window max_window_layers layer_types eos_token_id head_dim num_key_value_heads quantization_config attention c_dim group_size q_lora_rank kv_lora_rank attention_bias bias use_sliding_window max_position_embeddings block_size vocab_size'.split(
    ' ',
  );
const GENERATION = {
  eos_token_id: [2, 3],
  temperature: 0.7,
  top_k: 50,
  top_p: 0.9,
  min_p: 0,
  repetition_penalty: 1.1,
  max_new_tokens: 100,
  do_sample: true,
};
const TOKENIZER = {
  bos_token: '<s>',
  eos_token: { content: '</s>', lstrip: false, special: true },
  add_bos_token: true,
  add_eos_token: false,
  chat_template: [
    { name: 'default', template: '{{ messages }}' },
    { name: 'tool_use', template: '{{ tools }}' },
  ],
};

interface Input {
  readonly kind: string;
  readonly config: unknown;
  readonly generation: unknown;
  readonly tokenizer: unknown;
}

/** config.json and what stands beside it. */
export const CONFIG = target<Input>({
  name: 'config',
  make(draw) {
    const kind = draw.pick([...T6_KINDS, ...FAMILIES]);
    const isT6 = kind in TENSORS;
    const plain = isT6 ? T6_JSON : llamaJson(kind as (typeof FAMILIES)[number]);
    const json = draw.chance(0.3) ? { ...plain, [ropeKey(draw)]: draw.pick(ROPE) } : plain;
    return {
      kind,
      config: mutated(json, draw, KEYS),
      generation: mutated(GENERATION, draw, Object.keys(GENERATION)),
      tokenizer: mutated(TOKENIZER, draw, Object.keys(TOKENIZER)),
    };
  },
  run({ kind, config, generation, tokenizer }) {
    const tensors = kind in TENSORS ? TENSORS[kind as keyof typeof TENSORS] : LLAMA_TENSORS;
    let vocabSize = 32;
    let refused: unknown;
    // each file for itself: that one is refused says nothing of the others
    for (const read of [
      () => {
        const parsed = parseConfig(config, tensors);
        checkSane(parsed);
        ({ vocabSize } = parsed);
        checkBudget(compute, parsed, new WeightDtypes(), 'f32', 2 ** 31);
      },
      () => checkGeneration(generation, vocabSize),
      () => {
        const chat = chatConfigOf({ tokenizerConfig: tokenizer as Record<string, unknown> });
        for (const template of chat.templates.values()) {
          holds(typeof template === 'string', 'a template is text');
        }
      },
    ]) {
      try {
        read();
      } catch (error) {
        refused = worse(refused, error);
      }
    }
    if (refused !== undefined) throw refused;
  },
});

function ropeKey(draw: Draw): string {
  return draw.pick(['rope_scaling', 'rope_parameters']);
}

/** The one that is no refusal, if there is one. */
function worse(a: unknown, b: unknown): unknown {
  return a === undefined || isRefusal(a) ? b : a;
}

function checkGeneration(json: unknown, vocabSize: number): void {
  const { eosTokenIds, defaults } = parseGenerationConfig(json, vocabSize);
  holds(
    eosTokenIds.every((id) => Number.isInteger(id) && id >= 0 && id < vocabSize),
    'ends',
  );
  holds(Object.values(defaults).every(Number.isFinite), 'numbers of sampling');
}

/** What the rooms that read a ModelConfig take for granted. */
function checkSane(config: ModelConfig): void {
  const { layers, heads, kvHeads, headDim, dim, hiddenDim, vocabSize, contextLength } = config;
  const counts = [layers, heads, kvHeads, headDim, dim, hiddenDim, vocabSize, contextLength];
  holds(
    counts.every((count) => Number.isSafeInteger(count) && count > 0),
    'counts',
  );
  holds(heads % kvHeads === 0 && headDim % 2 === 0 && config.rotaryDim % 2 === 0, 'heads');
  const ends = config.eosTokenIds;
  holds(
    ends.every((id) => Number.isInteger(id) && id >= 0 && id < vocabSize),
    'ends of config',
  );
  for (const value of [config.ropeTheta, config.ropeDecay, config.normEps]) {
    holds(Number.isFinite(value) && Math.fround(value) > 0, 'positive numbers');
  }
}

import { parseConfig } from '../../src/format/config/config.ts';
import type { ModelConfig } from '../../src/format/config/model-config.ts';
import { Compute } from '../../src/compute/compute.ts';
import { memoryNeeds } from '../../src/model/budget.ts';
import { cacheSizes } from '../../src/model/cache-sizes.ts';
import { longestContext } from '../../src/model/check-budget.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { WeightDtypes } from '../../src/weights/dtypes.ts';
import { parameterCount } from '../../src/weights/tensors.ts';
import { attention } from '../helpers/models/tiny-configs.ts';

/** A place and the bytes of memory that a model may have there. */
interface Place {
  readonly name: string;
  readonly bytes: number;
}

const PLACES: readonly Place[] = [
  { name: 'Workers, 96 MB', bytes: 96e6 },
  { name: 'Deno Deploy, 450 MB', bytes: 450e6 },
  { name: 'Vercel, 1.9 GB', bytes: 1900e6 },
];

const SHIPPED = { vocab_size: 512, head_dim: 32, q_rank: 4, block_size: 1024 };

const MODELS: readonly (readonly [name: string, config: object])[] = [
  ['t6-stories, as shipped', t6(6, 8, 192, SHIPPED)],
  ['LLaMA of 6 layers, dim 288', llama(6, 6, 288, 256)],
  ['T6 of 8 layers, dim 384', t6(8, 16, 384, { vocab_size: 8192, block_size: 1024 })],
  ['T6 of 6 layers, dim 416', t6(6, 16, 416, { block_size: 8192 })],
  ['LLaMA of 8 layers, dim 512', llama(8, 8, 512, 1024)],
  ['LLaMA of 12 layers, dim 768', llama(12, 12, 768, 1024)],
  ['T6-small', t6(12, 34, 768)],
  ['T6-medium', t6(24, 47, 1024)],
  ['T6-large', t6(36, 61, 1280)],
];

/** What weights may be. */
const DTYPES = ['f32', 'q8', 'q4'] as const;

const compute = new Compute(await createEngine({ simd: 'baseline' }));

/** Which models fit where: the rows of the table in docs/edge.md, cells still without padding. */
export function fitRows(): string[][] {
  const heading = ['model', 'dtype', 'weights', 'a token', ...PLACES.map(({ name }) => name)];
  return [heading, ...MODELS.flatMap(([name, json]) => fitRowsOf(name, json))];
}

function fitRowsOf(name: string, json: object): string[][] {
  // a T6 is told from its tensors, all others from their config
  const tensors = 'n_embd' in json ? attention(['c_qkv.W_A_q.weight']) : new Map();
  const config = parseConfig(json, tensors);
  const { cacheBytesPerToken } = cacheSizes(config);
  return DTYPES.map((option, row) => {
    const dtypes = new WeightDtypes(option);
    return [
      row === 0 ? `${name}: ${millions(parameterCount(config))} M` : '',
      option,
      `${millions(memoryNeeds(compute, config, dtypes).weights)} MB`,
      `${(cacheBytesPerToken / 1000).toFixed(1)} KB`,
      ...PLACES.map(({ bytes }) => fit(config, bytes, dtypes)),
    ];
  });
}

/** The longest context that a session can fill. */
function fit(config: ModelConfig, bytes: number, dtypes: WeightDtypes): string {
  // as a memoryLimit counts: whole pages of 64 KiB
  const tokens = longestContext(compute, config, Math.floor(bytes / 65536) * 65536, dtypes);
  if (tokens < 1) return 'no';
  if (tokens >= config.contextLength) return `yes, all ${config.contextLength} tokens`;
  return `${tokens} tokens of ${config.contextLength}`;
}

function millions(count: number): string {
  return (count / 1e6).toFixed(count < 1e8 ? 1 : 0);
}

function t6(layers: number, heads: number, dim: number, changes: object = {}): object {
  return {
    model_type: 't6',
    vocab_size: 50_304,
    n_layer: layers,
    n_head: heads,
    n_embd: dim,
    head_dim: 64,
    rank: 2,
    q_rank: 6,
    block_size: 2048,
    ...changes,
  };
}

function llama(layers: number, heads: number, dim: number, context: number): object {
  return {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    vocab_size: 32_000,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    hidden_size: dim,
    intermediate_size: Math.ceil((dim * 8) / 3 / 32) * 32,
    tie_word_embeddings: true,
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    hidden_act: 'silu',
  };
}

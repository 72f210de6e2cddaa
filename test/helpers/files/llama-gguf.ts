import { bytesOf, littleEndian as le } from './bytes.ts';
import { ggufValue, VALUE, TYPE, type GgufData, type GgufParts } from './build-gguf.ts';
import { permuteRows } from '../models/gguf-model.ts';
import { store } from './quantize.ts';
import type { CheckpointTensors } from './build-checkpoint.ts';

/** llama.cpp's names of the parts of a layer. */
const LAYER_NAMES: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};
const OUTER_NAMES: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};

type Config = Readonly<Record<string, unknown>>;

/**
 * A Hugging Face checkpoint as llama.cpp's converter writes it, and its weights as the file holds
 * them. Matrices whose rows are no whole blocks stay float32.
 */
export function llamaGguf(
  config: Config,
  tensors: CheckpointTensors,
  type: keyof typeof TYPE,
): { parts: GgufParts; stored: CheckpointTensors } {
  const heads = config['num_attention_heads'] as number;
  const kvHeads = config['num_key_value_heads'] as number;
  const stored: CheckpointTensors = new Map();
  const data = Array.from(tensors, ([name, { shape, values }]): GgufData => {
    const isMatrix = shape.length === 2 && (!type.startsWith('Q') || shape[1]! % 32 === 0);
    const held = store(values, isMatrix ? type : 'F32');
    stored.set(name, { shape, values: held.values });
    const [, part] = /\.self_attn\.([qk])_proj\./.exec(name) ?? [];
    const isPermuted = part !== undefined && config['model_type'] === 'llama';
    const rows = isPermuted ? permuteRows(values, shape, part === 'q' ? heads : kvHeads) : values;
    const { bytes, type: number } = store(rows, isMatrix ? type : 'F32');
    return { name: storedName(name), shape, type: number, bytes };
  });
  return { parts: { metadata: metadataOf(config), tensors: data }, stored };
}

function storedName(name: string): string {
  const [, layer, part = '', kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  const found = layer === undefined ? OUTER_NAMES[name] : LAYER_NAMES[part];
  if (found === undefined) throw new RangeError(`no name for "${name}"`);
  return layer === undefined ? found : `blk.${layer}.${found}.${kind}`;
}

function metadataOf(config: Config): (readonly [string, Uint8Array])[] {
  const architecture = config['model_type'] as string;
  const size = (key: string) => ggufValue(config[key] as number);
  const headDim =
    (config['head_dim'] as number | undefined) ??
    (config['hidden_size'] as number) / (config['num_attention_heads'] as number);
  const scaling = config['rope_scaling'] as Config | null | undefined;
  const type = scaling && (scaling['rope_type'] ?? scaling['type']);
  const pairs: (readonly [string, Uint8Array])[] = [
    ['block_count', size('num_hidden_layers')],
    ['context_length', size('max_position_embeddings')],
    ['embedding_length', size('hidden_size')],
    ['feed_forward_length', size('intermediate_size')],
    ['attention.head_count', size('num_attention_heads')],
    ['attention.head_count_kv', size('num_key_value_heads')],
    ['attention.key_length', ggufValue(headDim)],
    ['attention.value_length', ggufValue(headDim)],
    ['rope.dimension_count', ggufValue(headDim)],
    ['attention.layer_norm_rms_epsilon', float(config['rms_norm_eps'] as number)],
    ['rope.freq_base', float(config['rope_theta'] as number)],
  ];
  if (scaling && (type === 'linear' || type === 'yarn')) {
    pairs.push(['rope.scaling.type', ggufValue(type)]);
    pairs.push(['rope.scaling.factor', float(scaling['factor'] as number)]);
    if (type === 'yarn') {
      const original = scaling['original_max_position_embeddings'] as number;
      pairs.push(['rope.scaling.original_context_length', ggufValue(original)]);
    }
  }
  return [
    ['general.architecture', ggufValue(architecture)],
    ...pairs.map(([key, value]) => [`${architecture}.${key}`, value] as const),
  ];
}

/** A float, be it a whole number. */
function float(value: number): Uint8Array {
  return bytesOf(le(VALUE.f32, 4), new Uint8Array(Float32Array.of(value).buffer));
}

import { printable } from '../../base/errors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../errors.ts';
import type { GgufHeader } from './header.ts';
import type { GgufSizes } from './sizes.ts';

/** A tensor's other name, and what is known of it. */
export interface GgufName {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether llama.cpp's converter has permuted the rows of its heads. */
  readonly isPermuted: boolean;
}

/** Factors by which angles are divided, by LLaMA 3 and by LongRoPE: tables of the configuration, no weights. */
export const ROPE_FACTORS = 'rope_freqs.weight';
export const SHORT_FACTORS = 'rope_factors_short.weight';
export const LONG_FACTORS = 'rope_factors_long.weight';
const TABLES: ReadonlySet<string> = new Set([ROPE_FACTORS, SHORT_FACTORS, LONG_FACTORS]);

/** Names of the weights outside of layers, and those of Hugging Face. */
export const OUTER_NAMES = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
} as const;

/** Names of the parts of a layer, and those of Hugging Face; a part has a weight, some a bias. */
export const LAYER_NAMES = {
  attn_norm: 'input_layernorm',
  ffn_norm: 'post_attention_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
} as const;

type Part = keyof typeof LAYER_NAMES;

const LAYER = /^blk\.(0|[1-9]\d{0,4})\.(.+)$/;

/**
 * The Hugging Face names of all weights of a model, by their names in the file.
 *
 * @throws TpaError `CHECKPOINT_INVALID` naming a tensor that is missing or of another shape,
 *   `MODEL_UNSUPPORTED` naming one that no LLaMA has
 */
export function namesOf({ tensors }: GgufHeader, sizes: GgufSizes): ReadonlyMap<string, GgufName> {
  const { layers, dim, vocabSize } = sizes;
  const outer = new Map<string, GgufName>([
    ['token_embd.weight', plain(OUTER_NAMES['token_embd.weight'], [vocabSize, dim])],
    ['output_norm.weight', plain(OUTER_NAMES['output_norm.weight'], [dim])],
    ['output.weight', plain(OUTER_NAMES['output.weight'], [vocabSize, dim])],
  ]);
  const inner = layerNames(sizes);
  const names = new Map<string, GgufName>();
  for (const { name, shape } of tensors.values()) {
    if (TABLES.has(name)) continue;
    const [, layer, rest = ''] = LAYER.exec(name) ?? [];
    const known = layer === undefined ? outer.get(name) : inner.get(rest);
    if (!known || Number(layer ?? 0) >= layers) {
      const expected = `a weight of ${sizes.architecture} with ${layers} layers`;
      throw unsupportedCheckpoint(`tensor "${printable(name)}"`, expected, 'another');
    }
    if (known.shape.join() !== shape.join()) {
      const subject = `tensor "${printable(name)}"`;
      throw invalidCheckpoint(subject, `[${known.shape.join(', ')}]`, `[${shape.join(', ')}]`);
    }
    const prefix = layer === undefined ? '' : `model.layers.${layer}.`;
    names.set(name, { ...known, name: prefix + known.name });
  }
  requireAll(names, sizes);
  for (const group of biasGroups(sizes.architecture)) requireAllOrNone(names, sizes.layers, group);
  return names;
}

function layerNames(sizes: GgufSizes): ReadonlyMap<string, GgufName> {
  const { architecture, dim, hiddenDim, heads, kvHeads, headDim } = sizes;
  const isLlama = architecture === 'llama';
  const queries = heads * headDim;
  const keys = kvHeads * headDim;
  const names = new Map<string, GgufName>();
  const norm = (part: Part, length: number) => {
    names.set(`${part}.weight`, plain(`${LAYER_NAMES[part]}.weight`, [length]));
  };
  const projection = (part: Part, rows: number, columns: number, isPermuted = false) => {
    const name = LAYER_NAMES[part];
    names.set(`${part}.weight`, { name: `${name}.weight`, shape: [rows, columns], isPermuted });
    names.set(`${part}.bias`, { name: `${name}.bias`, shape: [rows], isPermuted });
  };
  norm('attn_norm', dim);
  norm('ffn_norm', dim);
  projection('attn_q', queries, dim, isLlama);
  projection('attn_k', keys, dim, isLlama);
  projection('attn_v', keys, dim);
  projection('attn_output', dim, queries);
  projection('ffn_gate', hiddenDim, dim);
  projection('ffn_up', hiddenDim, dim);
  projection('ffn_down', dim, hiddenDim);
  if (architecture === 'qwen3') {
    norm('attn_q_norm', headDim);
    norm('attn_k_norm', headDim);
  }
  return names;
}

/** Every weight but `output.weight`, which a tied model lacks. */
function requireAll(names: ReadonlyMap<string, GgufName>, sizes: GgufSizes): void {
  const inner = [...layerNames(sizes).keys()].filter((name) => name.endsWith('.weight'));
  const needed = ['token_embd.weight', 'output_norm.weight'];
  for (const name of needed) requireOne(names, name);
  for (let layer = 0; layer < sizes.layers; layer++) {
    for (const name of inner) requireOne(names, `blk.${layer}.${name}`);
  }
}

/**
 * Projections that config.json can only say are biased together, in every layer. Qwen 2 has no key
 * for the first three: they always are.
 */
function biasGroups(architecture: string): BiasGroup[] {
  const inputs = ['attn_q', 'attn_k', 'attn_v'];
  const mlp = { parts: ['ffn_gate', 'ffn_up', 'ffn_down'], isAllowed: architecture === 'llama' };
  if (architecture !== 'qwen2')
    return [{ parts: [...inputs, 'attn_output'], isAllowed: true }, mlp];
  return [
    { parts: inputs, isAllowed: true, isRequired: true },
    { parts: ['attn_output'], isAllowed: false },
    mlp,
  ];
}

interface BiasGroup {
  readonly parts: readonly string[];
  readonly isAllowed: boolean;
  readonly isRequired?: boolean;
}

function requireAllOrNone(
  names: ReadonlyMap<string, GgufName>,
  layers: number,
  { parts, isAllowed, isRequired = false }: BiasGroup,
): void {
  const all = Array.from({ length: layers }, (_, layer) =>
    parts.map((part) => `blk.${layer}.${part}.bias`),
  ).flat();
  const found = all.find((name) => names.has(name));
  if (found !== undefined && !isAllowed) {
    throw unsupportedCheckpoint(`tensor "${found}"`, 'no such bias in the architecture', 'one');
  }
  if (found !== undefined || isRequired) for (const name of all) requireOne(names, name);
}

function requireOne(names: ReadonlyMap<string, GgufName>, name: string): void {
  if (!names.has(name)) throw invalidCheckpoint(`tensor "${name}"`, 'in the file', 'none');
}

function plain(name: string, shape: readonly number[]): GgufName {
  return { name, shape, isPermuted: false };
}

import { TpaError, printable } from '../../base/errors.ts';
import type { Fields } from './fields.ts';

/** A model family of Hugging Face in the LLaMA layout, as `model_type` spells it. */
export type LlamaFamily = 'llama' | 'mistral' | 'qwen2' | 'qwen3';

/** `architectures` of each. Compared whole: qwen2_moe and LlamaForTokenClassification are others. */
export const ARCHITECTURES: Readonly<Record<LlamaFamily, string>> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
};

const FAMILIES: readonly LlamaFamily[] = ['llama', 'mistral', 'qwen2', 'qwen3'];
const KNOWN = FAMILIES.join(', ');

/** How families of other libraries begin, as either key spells them, without `_` and `-`. */
const FOREIGN_FAMILY = new RegExp(
  '^(?:bert|bloom|cohere|deepseek|falcon|gemma|gpt2lmhead|gptbigcode|gptj|gptneo|gptoss|granite|' +
    'internlm|llama|mamba|ministral|mistral|mixtral|mllama|mpt|olmo|opt|phi|qwen|rwkv|smollm|' +
    'stablelm|starcoder|t5)',
);

const T6_TENSOR = 'transformer.wte.weight';
const T6_LAYER = 'transformer.h.0.';
const LLAMA_TENSOR = 'model.layers.0.self_attn.q_proj.weight';

/** Tensors that only one unsupported layout has, and its name. */
const FOREIGN_TENSORS: readonly (readonly [string, string])[] = [
  [`${T6_LAYER}attn.c_attn.weight`, 'GPT-2'],
  ['h.0.attn.c_attn.weight', 'GPT-2'],
  [`_orig_mod.${T6_TENSOR}`, 'a torch.compile wrapper (strip "_orig_mod.")'],
  [`_orig_mod.${LLAMA_TENSOR}`, 'a torch.compile wrapper (strip "_orig_mod.")'],
  [`module.${T6_TENSOR}`, 'a data-parallel wrapper (strip "module.")'],
  [`module.${LLAMA_TENSOR}`, 'a data-parallel wrapper (strip "module.")'],
];

/**
 * The LLaMA family that `model_type` and `architectures` name; undefined for the layout of the
 * upstream T6, whose files say `gpt2`, something else or nothing.
 *
 * @throws TpaError `CONFIG_INVALID`; `MODEL_UNSUPPORTED` naming a family or a layout of tensors that is not computed;
 *   `MODEL_MISMATCH` where the tensors are T6's and the family is not
 */
export function readFamily(
  fields: Fields,
  tensors: ReadonlyMap<string, unknown>,
): LlamaFamily | undefined {
  refuseForeignTensors(tensors);
  const type = readType(fields);
  const architectures = readArchitectures(fields);
  const family = FAMILIES.find(
    (known) => known === type || architectures.includes(ARCHITECTURES[known]),
  );
  const hasLlamaTensors = tensors.has(LLAMA_TENSOR);
  if (family === undefined) {
    const names = type === undefined ? architectures : [type, ...architectures];
    const foreign = names.find((name) => hasLlamaTensors || isForeign(name));
    if (foreign !== undefined) throw unsupported(`a T6 or one of ${KNOWN}`, printable(foreign));
    if (hasLlamaTensors) throw fields.invalid('model_type', `one of ${KNOWN}`, undefined);
    return undefined;
  }
  if (type !== undefined && type !== family) {
    throw unsupported(`"model_type" ${family}`, printable(type));
  }
  const other = architectures.find((name) => name !== ARCHITECTURES[family]);
  if (other !== undefined) throw unsupported(ARCHITECTURES[family], printable(other));
  if (!hasLlamaTensors && hasT6Layer(tensors)) {
    const message = `model expected the tensors of "model_type" ${family}, found those of a T6`;
    throw new TpaError('MODEL_MISMATCH', message, { data: { expected: family, found: 't6' } });
  }
  return family;
}

/** @throws TpaError `MODEL_UNSUPPORTED` naming the layout of which a tensor is typical */
function refuseForeignTensors(tensors: ReadonlyMap<string, unknown>): void {
  for (const [tensor, layout] of FOREIGN_TENSORS) {
    if (tensors.has(tensor)) throw unsupported('the tensors of T6 or LLaMA', layout);
  }
}

function readType(fields: Fields): string | undefined {
  const value = fields.get('model_type');
  if (value === undefined || typeof value === 'string') return value;
  throw fields.invalid('model_type', 'a string', value);
}

function readArchitectures(fields: Fields): readonly string[] {
  const value = fields.get('architectures') ?? [];
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  // Exporters write one; the rest would be compared for nothing.
  if (names.length > 16) throw fields.invalid('architectures', 'at most 16 strings', names.length);
  return Array.from(names, (name) => {
    if (typeof name !== 'string') throw fields.invalid('architectures', 'strings', name);
    // As the first converted files spelled it.
    return name === 'LLaMAForCausalLM' ? ARCHITECTURES.llama : name;
  });
}

function isForeign(name: string): boolean {
  return FOREIGN_FAMILY.test(name.toLowerCase().replace(/[_-]/g, ''));
}

function hasT6Layer(tensors: ReadonlyMap<string, unknown>): boolean {
  return [...tensors.keys()].some((name) => name.startsWith(T6_LAYER));
}

function unsupported(expected: string, found: string): TpaError {
  const message = `model expected ${expected}, found ${found}`;
  return new TpaError('MODEL_UNSUPPORTED', message, { data: { found } });
}

import { TpaError } from '../errors.ts';
import type { Mechanism } from './model-config.ts';

/** Values of `attention` that name a mechanism we know of but do not compute. */
const UNSUPPORTED_ATTENTION: ReadonlySet<unknown> = new Set([
  'mha',
  'mqa',
  'gqa',
  'mla',
  'linear',
  'tpa-sigmoid',
  'tpa-nonctx-a',
  'tpa-nonctx-b',
]);

/** Model families of other libraries, as `model_type` or `architectures` spell them, no `_` or `-`. */
const FOREIGN_FAMILIES: readonly string[] = [
  'bert',
  'bloom',
  'cohere',
  'deepseek',
  'falcon',
  'gemma',
  'gpt2lmhead',
  'gptbigcode',
  'gptj',
  'gptneo',
  'gptoss',
  'granite',
  'internlm',
  'llama',
  'mamba',
  'ministral',
  'mistral',
  'mixtral',
  'mpt',
  'olmo',
  'opt',
  'phi',
  'qwen',
  'rwkv',
  'smollm',
  'stablelm',
  'starcoder',
  't5',
];

const LAYER = 'transformer.h.0.attn.';

/** Tensors that only one unsupported layout has, and its name. */
const FOREIGN_TENSORS: readonly (readonly [string, string])[] = [
  [`${LAYER}q_a_proj.weight`, 'mla'],
  [`${LAYER}kv_a_proj_with_mqa.weight`, 'mla'],
  [`${LAYER}c_k.weight`, 'mha, gqa or mqa'],
  [`${LAYER}c_attn.weight`, 'GPT-2'],
  ['h.0.attn.c_attn.weight', 'GPT-2'],
  ['model.layers.0.self_attn.q_proj.weight', 'Hugging Face LLaMA'],
  ['_orig_mod.transformer.wte.weight', 'a torch.compile wrapper (strip "_orig_mod.")'],
  ['module.transformer.wte.weight', 'a data-parallel wrapper (strip "module.")'],
];

const FULL_QUERY = `${LAYER}c_qkv.c_q.weight`;
const QUERY_FACTORS = [`${LAYER}c_qkv.W_A_q.weight`, `${LAYER}c_qkv.W_B_q.weight`];

/** What the mechanism is told from. */
export interface MechanismClues {
  /** `attention` of config.json. */
  readonly attention: unknown;
  /** `model_type` and `architectures` of config.json. */
  readonly families: readonly unknown[];
  /** Has the tensor names as keys. */
  readonly tensorNames: ReadonlyMap<string, unknown>;
}

/**
 * Refuses a model that is recognisably not a T6 with TPA or TPA-KVonly.
 *
 * @throws TpaError `MODEL_UNSUPPORTED` naming what was recognised
 */
export function refuseForeign({ attention, families, tensorNames }: MechanismClues): void {
  if (UNSUPPORTED_ATTENTION.has(attention)) throw unsupported('attention', String(attention));
  for (const family of families) {
    if (typeof family !== 'string') continue;
    const plain = family.toLowerCase().replace(/[_-]/g, '');
    const known = FOREIGN_FAMILIES.find((name) => plain.startsWith(name));
    if (known !== undefined) throw unsupported('model family', known);
  }
  for (const [tensor, layout] of FOREIGN_TENSORS) {
    if (tensorNames.has(tensor)) throw unsupported('tensor layout', layout);
  }
}

/**
 * The mechanism that the query's tensors imply.
 *
 * @throws TpaError `MODEL_MISMATCH` where they imply none or both, or another than `attention` says
 */
export function inferMechanism({ attention, tensorNames }: MechanismClues): Mechanism {
  const hasFactors = QUERY_FACTORS.some((name) => tensorNames.has(name));
  const hasFullQuery = tensorNames.has(FULL_QUERY);
  if (hasFactors === hasFullQuery) {
    const found = hasFactors ? 'both' : 'neither';
    const message = `model expected tensor "${QUERY_FACTORS[0]}" or "${FULL_QUERY}", found ${found}`;
    throw new TpaError('MODEL_MISMATCH', message, { data: { tensor: FULL_QUERY, found } });
  }
  const mechanism = hasFactors ? 'tpa' : 'tpa-kvonly';
  if (attention !== undefined && attention !== mechanism) {
    const message = `model expected the tensors of "attention" ${String(attention)}, found those of ${mechanism}`;
    throw new TpaError('MODEL_MISMATCH', message, { data: { found: mechanism } });
  }
  return mechanism;
}

function unsupported(what: string, found: string): TpaError {
  return new TpaError(
    'MODEL_UNSUPPORTED',
    `model expected a T6 with attention tpa or tpa-kvonly, found ${what} ${found}`,
    { data: { found } },
  );
}

import { TpaError } from '../../../base/errors.ts';
import type { Mechanism } from '../model-config.ts';

/** How the tensors of a T6's first layer make Q, K and V. */
export interface AttentionTensors {
  /** `'dense'` is MHA, MQA or GQA: which one the K/V heads tell. */
  readonly kind: Exclude<Mechanism, 'tpa-sigmoid' | 'linear' | 'mha' | 'mqa' | 'gqa'> | 'dense';
  /** Whether Q is made of factors; else a full projection. */
  readonly hasQueryFactors: boolean;
}

const LAYER = 'transformer.h.0.attn.';

/** Tensors of which each kind has at least one and no other kind has any. */
const MARKS: readonly (readonly [AttentionTensors['kind'], readonly string[]])[] = [
  ['tpa-nonctx-a', ['c_qkv.A_q', 'c_qkv.A_k', 'c_qkv.A_v']],
  ['tpa-nonctx-b', ['c_qkv.B_q', 'c_qkv.B_k', 'c_qkv.B_v']],
  ['tpa-shared-b', ['c_qkv.W_B_kv.weight']],
  ['tpa-third-order', ['c_qkv.W_C_q.weight', 'c_qkv.W_C_k.weight', 'c_qkv.W_C_v.weight']],
  ['dense', ['c_q.weight', 'c_k.weight', 'c_v.weight']],
  [
    'mla',
    [
      'q_a_proj.weight',
      'q_a_layernorm.weight',
      'q_b_proj.weight',
      'kv_a_proj_with_mqa.weight',
      'kv_a_layernorm.weight',
      'kv_b_proj.weight',
    ],
  ],
];

const QUERY_FACTORS = [
  'c_qkv.W_A_q.weight',
  'c_qkv.W_B_q.weight',
  'c_qkv.W_C_q.weight',
  'c_qkv.A_q',
  'c_qkv.B_q',
];
const FULL_QUERY = 'c_qkv.c_q.weight';

/**
 * What the key `attention` of config.json may say: a mechanism, some also with `-ropek`, which is
 * the same one, since RoPE on the assembled K is RoPE on its factors.
 */
export const ATTENTION_NAMES: readonly string[] = (
  'tpa tpa-ropek tpa-kvonly tpa-kvonly-ropek tpa-sigmoid tpa-nonctx-a tpa-nonctx-b tpa-shared-b ' +
  'tpa-third-order linear mha mqa gqa mla'
).split(' ');

/**
 * Tells from the names of a T6's tensors how its attention is made.
 *
 * @throws TpaError `MODEL_MISMATCH` where they are those of two kinds, or of none
 */
export function tellAttention(tensors: ReadonlyMap<string, unknown>): AttentionTensors {
  const has = (name: string): boolean => tensors.has(LAYER + name);
  const kinds = MARKS.filter(([, marks]) => marks.some(has)).map(([kind]) => kind);
  const hasFactors = QUERY_FACTORS.some(has);
  const hasFullQuery = has(FULL_QUERY);
  const kind = kinds[0];
  if (kinds.length > 1) throw mismatch('one attention mechanism', kinds.join(' and '));
  if (kind === 'dense' || kind === 'mla') {
    if (hasFactors || hasFullQuery) throw mismatch('one attention mechanism', `${kind} and tpa`);
    return { kind, hasQueryFactors: false };
  }
  if (hasFactors === hasFullQuery) {
    const expected = `"${LAYER}${QUERY_FACTORS[0]}" or "${LAYER}${FULL_QUERY}"`;
    throw mismatch(expected, hasFactors ? 'both' : 'neither');
  }
  return { kind: kind ?? (hasFactors ? 'tpa' : 'tpa-kvonly'), hasQueryFactors: hasFactors };
}

/**
 * The mechanism, of those that tensors of these names and shapes can be, the likeliest first.
 *
 * @throws TpaError `MODEL_MISMATCH` where `attention` names none of them
 */
export function chooseMechanism(
  attention: string | undefined,
  possible: readonly [Mechanism, ...Mechanism[]],
): Mechanism {
  if (attention === undefined) return possible[0];
  const mechanism = possible.find((name) => name === attention.replace('-ropek', ''));
  if (mechanism === undefined) throw mismatch(`"attention" ${attention}`, possible[0]);
  return mechanism;
}

/** What attention whose K and V are full projections for `kvHeads` heads can be. */
export function denseMechanisms(heads: number, kvHeads: number): [Mechanism, ...Mechanism[]] {
  if (kvHeads === heads) return kvHeads === 1 ? ['mha', 'mqa', 'linear'] : ['mha', 'linear'];
  return [kvHeads === 1 ? 'mqa' : 'gqa', 'linear'];
}

function mismatch(expected: string, found: string): TpaError {
  const message = `model expected the tensors of ${expected}, found ${found}`;
  return new TpaError('MODEL_MISMATCH', message, { data: { expected, found } });
}

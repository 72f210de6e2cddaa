import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../../src/base/errors.ts';
import { parseConfig } from '../../../src/format/config/config.ts';
import { CANARY } from '../../helpers/checks/refused.ts';
import {
  LLAMA_TENSORS,
  MLA_SHAPES,
  T6_JSON,
  TENSORS,
  attention,
  llamaJson,
} from '../../helpers/models/tiny-configs.ts';
import type { ModelConfig } from '../../../src/format/config/model-config.ts';
import type { TensorEntry } from '../../../src/format/tensors/safetensors.ts';
import type { Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() of odd fields');

const STRINGS = ['8', '', '\ud800', CANARY];
const NUMBERS = [0, -0, -1, 1.5, Infinity, -Infinity, 2 ** 31, 2 ** 53, -(2 ** 31), 1e-9, 1e300];
const EMPTY: readonly unknown[] = [];
const ONE: readonly unknown[] = [8];
const OBJECT = {};
const NESTED = [[1]];
/** What JSON can hold where something else belongs; 1e400 is read as Infinity. */
const ODD = [...NUMBERS, NaN, ...STRINGS, true, false, EMPTY, ONE, OBJECT, NESTED];
/** One or two of each sort, for pairs. */
const FEW = [0, 1.5, '8', true, OBJECT, null];

/** What becomes of a field's odd values: all that are not listed are CONFIG_INVALID. */
interface Field {
  readonly legal?: readonly unknown[];
  readonly unsupported?: readonly unknown[];
  /** Whether the field may be left out, or null. */
  readonly isOptional?: boolean;
}

const required: Field = {};
const optional: Field = { isOptional: true };
/** A key that nothing reads. */
const anything: Field = { legal: ODD, isOptional: true };
const flag: Field = { legal: [true, false], isOptional: true };
/** -1 says none; an id beyond the vocabulary is left out. */
const ids: Field = { legal: [0, -0, -1, 2 ** 31, EMPTY, ONE], isOptional: true };
const theta: Field = { legal: [1.5, 2 ** 31], isOptional: true };
/** What says that something is off. */
const OFF: readonly unknown[] = [0, -0, -1, false, EMPTY, OBJECT];
/** Every value that says more is refused by name. */
const onlyOff: Field = {
  legal: OFF,
  unsupported: ODD.filter((value) => !OFF.includes(value)),
  isOptional: true,
};
const onlyFalse: Field = { legal: [false], unsupported: [true], isOptional: true };
const onlyTrue: Field = { legal: [true], unsupported: [false], isOptional: true };
const T6_FIELDS: Readonly<Record<string, Field>> = {
  n_layer: required,
  n_head: required,
  head_dim: required,
  n_embd: required,
  vocab_size: required,
  block_size: optional,
  rope_theta: theta,
  rope_precision: optional,
  rope_partial_factor: optional,
  rope_decay_base: { legal: [1e-9], isOptional: true },
  rope_scaling: onlyOff,
  using_groupnorm: flag,
  eos_token_id: ids,
  attention: optional,
  bias: onlyOff,
  tie_word_embeddings: onlyTrue,
  model_type: { legal: STRINGS, isOptional: true },
  architectures: { legal: [...STRINGS, EMPTY], isOptional: true },
};

const LLAMA_FIELDS: Readonly<Record<string, Field>> = {
  vocab_size: required,
  hidden_size: required,
  intermediate_size: required,
  num_hidden_layers: required,
  num_attention_heads: required,
  num_key_value_heads: optional,
  head_dim: optional,
  rms_norm_eps: { legal: [1e-9], isOptional: true },
  rope_theta: theta,
  rope_scaling: { legal: OFF, isOptional: true },
  rope_parameters: { legal: OFF, isOptional: true },
  max_position_embeddings: optional,
  tie_word_embeddings: flag,
  attention_bias: flag,
  mlp_bias: onlyOff,
  eos_token_id: ids,
  // CANARY is no value here: a name that is refused is shown
  hidden_act: { legal: [CANARY], unsupported: STRINGS, isOptional: true },
  pretraining_tp: anything,
  partial_rotary_factor: { unsupported: NUMBERS, isOptional: true },
  quantization_config: onlyOff,
  attn_logit_softcapping: onlyOff,
  layer_types: optional,
};

const ranks = { rank: required, q_rank: required };
const rotaryWhole = { rope_partial_factor: { unsupported: NUMBERS, isOptional: true } };
const window = { sliding_window: { legal: [0, -0, -1, false], isOptional: true } };
/** Unused unless `use_sliding_window` is true. */
const qwenWindow = {
  sliding_window: anything,
  max_window_layers: anything,
  use_sliding_window: flag,
};

/** A kind of model: its config.json, its tensors, and the fields it reads. */
interface Kind {
  readonly name: string;
  readonly json: Json;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly fields: Readonly<Record<string, Field>>;
}

const mlaKeys = ['q_lora_rank', 'kv_lora_rank', 'qk_rope_head_dim', 'v_head_dim'];
const KINDS: readonly Kind[] = [
  t6('tpa', TENSORS.tpa, ranks),
  t6('tpa-kvonly', TENSORS['tpa-kvonly'], { rank: required }),
  t6('tpa-third-order', TENSORS['tpa-third-order'], { ...ranks, ...rotaryWhole, c_dim: required }),
  t6('gqa', TENSORS.gqa, { group_size: optional }),
  t6('mla', attention([], MLA_SHAPES), {
    ...rotaryWhole,
    ...Object.fromEntries(mlaKeys.map((key) => [key, optional])),
    using_groupnorm: onlyFalse,
  }),
  llama('llama', { mlp_bias: flag }),
  llama('mistral', { ...window, attention_bias: onlyOff }),
  llama('qwen2', { ...qwenWindow, attention_bias: anything }),
  llama('qwen3', qwenWindow),
];

function t6(name: string, tensors: Kind['tensors'], fields: Kind['fields']): Kind {
  const json = { ...T6_JSON, using_groupnorm: false };
  return { name, json, tensors, fields: { ...T6_FIELDS, ...fields } };
}

function llama(family: 'llama' | 'mistral' | 'qwen2' | 'qwen3', fields: Kind['fields']): Kind {
  const json = llamaJson(family);
  return { name: family, json, tensors: LLAMA_TENSORS, fields: { ...LLAMA_FIELDS, ...fields } };
}

/** A sane config, or the error that names a changed key. */
function outcome(kind: Kind, changes: Json): ModelConfig | TpaError {
  // Only built for a failure: 100,000 parses take half the time.
  const label = (): string => {
    const values = Object.entries(changes).map(([key, x]) => `${key} ${typeof x} ${String(x)}`);
    return `${kind.name} ${values.join(', ')}`;
  };
  try {
    const config = parseConfig({ ...kind.json, ...changes }, kind.tensors);
    checkSane(config);
    return config;
  } catch (error) {
    if (!(error instanceof TpaError)) throw new Error(label(), { cause: error });
    const path = String(error.data['path']).split('.')[0] ?? '';
    const isNamed = Object.hasOwn(changes, path);
    const isQuoted = `${error.message} ${Object.values(error.data).join(' ')}`.includes(CANARY);
    if (!isNamed || isQuoted) throw new Error(label(), { cause: error });
    return error;
  }
}

/** Asserts what the rooms that read a ModelConfig take for granted. */
function checkSane(config: ModelConfig): void {
  const { layers, heads, kvHeads, headDim, dim, hiddenDim, rankK, rankV, rotaryDim } = config;
  const { vocabSize, contextLength, outerDim, latent, slidingWindow } = config;
  const counts = [layers, heads, kvHeads, headDim, dim, hiddenDim, rankK, rankV, rotaryDim];
  counts.push(vocabSize, contextLength, outerDim, ...Object.values(latent ?? {}));
  if (slidingWindow) counts.push(slidingWindow.size, slidingWindow.firstLayer + 1);
  assert.ok(counts.every((count) => Number.isSafeInteger(count) && count > 0));
  assert.is(heads % kvHeads, 0);
  assert.is(headDim % 2, 0);
  assert.is(rotaryDim % 2, 0);
  assert.ok(rotaryDim <= (latent?.ropeDim ?? headDim));
  assert.ok(config.rankQ >= 0 && config.rankQ <= headDim);
  for (const value of [config.ropeTheta, config.ropeDecay, config.normEps]) {
    assert.ok(Number.isFinite(value) && Math.fround(value) > 0);
  }
  const { eosTokenIds, ropeScaling } = config;
  assert.ok(eosTokenIds.every((id) => Number.isInteger(id) && id >= 0 && id < vocabSize));
  for (const value of Object.values(ropeScaling ?? {})) {
    assert.ok(typeof value !== 'number' || (Number.isFinite(value) && value > 0));
  }
}

for (const kind of KINDS) {
  test(`C1 ${kind.name}: each field × 22 odd values is refused by name or sane`, () => {
    for (const [key, { legal = [], unsupported = [] }] of Object.entries(kind.fields)) {
      for (const value of ODD) {
        if (key === 'hidden_act' && value === CANARY) continue;
        const found = outcome(kind, { [key]: value });
        const code = found instanceof TpaError ? found.code : 'accepted';
        const isListed = (list: readonly unknown[]): boolean =>
          list.some((item) => Object.is(item, value));
        const refusal = isListed(unsupported) ? 'MODEL_UNSUPPORTED' : 'CONFIG_INVALID';
        assert.is(code, isListed(legal) ? 'accepted' : refusal, `${key} ${String(value)}`);
      }
    }
  });

  test(`C1 ${kind.name}: a field without a default is refused where it is missing or null`, () => {
    for (const [key, { isOptional = false }] of Object.entries(kind.fields)) {
      for (const value of [undefined, null]) {
        const found = outcome(kind, { [key]: value });
        const code = found instanceof TpaError ? found.code : 'accepted';
        assert.is(code, isOptional ? 'accepted' : 'CONFIG_INVALID', `${key} ${value}`);
      }
    }
  });

  test(`C1 ${kind.name}: all pairs of fields × 6² odd values are refused by name or sane`, () => {
    const keys = Object.keys(kind.fields);
    const before = process.memoryUsage().arrayBuffers;
    for (const [i, a] of keys.entries()) {
      for (const b of keys.slice(i + 1)) {
        for (const x of FEW) {
          for (const y of FEW) outcome(kind, { [a]: x, [b]: y });
        }
      }
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
  });
}

test('C2 sizes at the caps are parsed, nothing allocated: the budget refuses them', () => {
  const huge = {
    n_layer: 16_384,
    n_head: 1024,
    head_dim: 1024,
    n_embd: 32_768,
    rank: 1024,
    q_rank: 1024,
    vocab_size: 2 ** 20,
    block_size: 2 ** 24,
  };
  const before = process.memoryUsage().arrayBuffers;
  const config = parseConfig({ ...T6_JSON, ...huge }, TENSORS.tpa);
  checkSane(config);
  assert.equal([config.layers, config.rankQ], [16_384, 1024]);
  for (const [key, value] of Object.entries(huge)) {
    const found = outcome(KINDS[0] as Kind, { [key]: value + 1 });
    assert.instance(found, TpaError, key);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});

test.run();

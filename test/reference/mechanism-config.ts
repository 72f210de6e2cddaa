import { booleanIn, numberIn, type JsonRecord } from './json-record.ts';
import type { RotationRules } from './mechanism-rope.ts';
import type { NamedTensors } from './named-tensors.ts';
import type { RopePrecision } from './rope-table.ts';

/** Where queries, keys and values come from. */
export type MechanismForm =
  | 'tpa'
  | 'tpa-sigmoid'
  | 'tpa-nonctx-a'
  | 'tpa-nonctx-b'
  | 'tpa-shared-b'
  | 'tpa-third-order'
  | 'tpa-kvonly'
  | 'dense'
  | 'mla';

/** What the forward pass of one T6-layout model needs to know. */
export interface MechanismSettings {
  form: MechanismForm;
  isLinear: boolean;
  layers: number;
  heads: number;
  /** MLA: the features that do not rotate. */
  headDim: number;
  dim: number;
  hasGroupNorm: boolean;
  rotation: RotationRules;
  /** The whole file, for the keys of one form only. */
  json: JsonRecord;
}

/** Reads the config.json of a T6-layout model; tensor names tell what no key says. */
export function mechanismSettings(config: object, tensors: NamedTensors): MechanismSettings {
  const json = config as JsonRecord;
  const decayBase =
    json['rope_decay_base'] === undefined ? undefined : numberIn(json, 'rope_decay_base');
  const precision = json['rope_precision'] ?? (decayBase === undefined ? 'bfloat16' : 'float32');
  return {
    form: formOf(json['attention'], tensors),
    isLinear: json['attention'] === 'linear',
    layers: numberIn(json, 'n_layer'),
    heads: numberIn(json, 'n_head'),
    headDim: numberIn(json, 'head_dim'),
    dim: numberIn(json, 'n_embd'),
    hasGroupNorm: booleanIn(json, 'using_groupnorm', false),
    rotation: {
      theta: numberIn(json, 'rope_theta', 10000),
      precision: precision as RopePrecision,
      partialFactor: numberIn(json, 'rope_partial_factor', 1),
      decayBase,
    },
    json,
  };
}

function formOf(attention: unknown, tensors: NamedTensors): MechanismForm {
  switch (attention) {
    case 'tpa-sigmoid':
    case 'tpa-nonctx-a':
    case 'tpa-nonctx-b':
    case 'tpa-shared-b':
    case 'tpa-third-order':
      return attention;
    default: {
      const has = (name: string) => tensors.has(`transformer.h.0.attn.${name}.weight`);
      if (has('q_a_proj')) return 'mla';
      if (has('c_q')) return 'dense';
      return has('c_qkv.c_q') ? 'tpa-kvonly' : 'tpa';
    }
  }
}

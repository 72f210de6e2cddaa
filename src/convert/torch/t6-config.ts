import { printable } from '../../base/errors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { kindOf, PickleDict, type PickleValue } from './pickle-values.ts';
import type { JsonObject } from '../../format/files/json.ts';

/** Keys of `model_args` that say how a model computes; those of training are left out. */
const KEYS = (
  'n_layer n_head head_dim n_embd rank q_rank c_dim vocab_size block_size using_groupnorm bias ' +
  'group_size q_lora_rank kv_lora_rank qk_rope_head_dim v_head_dim rope_theta rope_precision ' +
  'rope_partial_factor rope_decay_base attention eos_token_id'
).split(' ');
/** What no mechanism can do without. */
const REQUIRED: readonly string[] = ['n_layer', 'n_head', 'n_embd', 'vocab_size'];
/** `rope_precision`, `attention`. */
const MAX_TEXT = 64;

/**
 * The config.json of a nanoGPT checkpoint, from its `model_args` and, for what they lack, its
 * `config`.
 *
 * @throws TpaError `CHECKPOINT_INVALID` naming the key
 */
export function configOfArguments(checkpoint: PickleDict): JsonObject {
  const config: Record<string, unknown> = { model_type: 't6' };
  const sources = ['model_args', 'config'].map((name) => checkpoint.entries.get(name));
  if (!sources.some((source) => source instanceof PickleDict)) {
    const subject = 'a checkpoint with "model"';
    throw invalidCheckpoint(subject, 'a dict "model_args" or "config"', kindOf(sources[0]));
  }
  for (const key of KEYS) {
    const value = sources
      .map((source) => (source instanceof PickleDict ? source.entries.get(key) : undefined))
      .find((candidate) => candidate !== undefined && candidate !== null);
    if (value !== undefined) config[key] = scalar(key, value);
  }
  for (const key of REQUIRED) {
    const value = config[key];
    if (Number.isInteger(value) && (value as number) > 0) continue;
    throw invalidCheckpoint(`"model_args.${key}"`, 'an integer >= 1', String(value));
  }
  return config;
}

/**
 * Refuses tensors of another layout than T6's.
 *
 * @throws TpaError `MODEL_UNSUPPORTED`
 */
export function checkT6Names(names: ReadonlyMap<string, unknown>): void {
  for (const expected of ['transformer.wte.weight', 'transformer.h.0.attn.c_proj.weight']) {
    if (names.has(expected)) continue;
    const [first = 'no tensors'] = names.keys();
    const found = `"${printable(first)}" and others`;
    throw unsupportedCheckpoint('a torch checkpoint', `the T6 layout with "${expected}"`, found);
  }
}

function scalar(key: string, value: PickleValue): number | boolean | string {
  const isScalar =
    typeof value === 'boolean' || (typeof value === 'string' && value.length <= MAX_TEXT);
  if (isScalar || (typeof value === 'number' && Number.isFinite(value))) {
    return value as number | boolean | string;
  }
  throw invalidCheckpoint(`"model_args.${key}"`, 'a number, a boolean or a word', kindOf(value));
}

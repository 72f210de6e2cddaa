import { printable, TpaError } from '../base/errors.ts';
import type { Fields } from '../format/config/fields.ts';

/** What PEFT can merge whatever it is. */
const MERGE = 'merge it into the model with PEFT (merge_and_unload) and load the result';

/** Keys that change what an adapter is where they are set, and why that is not merged here. */
const SWITCHES: readonly (readonly [key: string, why: string])[] = [
  ['use_dora', 'DoRA scales each row of the merged matrix besides'],
  ['lora_bias', 'it adds biases that the model does not have'],
  ['modules_to_save', 'it replaces whole weights of the model'],
  ['trainable_token_indices', 'it replaces rows of the embedding'],
  ['target_parameters', 'it changes parameters that are no linear layers'],
  ['layer_replication', 'it repeats layers of the model'],
  ['ensure_weight_tying', 'it changes the embedding and the output projection together'],
  ['use_qalora', 'its factors are pooled'],
  ['use_bdlora', 'its factors are cut into blocks'],
  ['arrow_config', 'it chooses among adapters for each token'],
];

/** How factors may have begun without a change of the weights that they are added to. */
const KEEPS_WEIGHTS: ReadonlySet<unknown> = new Set([
  undefined,
  true,
  false,
  'gaussian',
  'eva',
  'orthogonal',
]);

/** Keys that only training reads. */
const OF_TRAINING = [
  'auto_mapping',
  'corda_config',
  'eva_config',
  // PEFT itself leaves it out for linear layers: only those of GPT-2 are stored transposed
  'fan_in_fan_out',
  'inference_mode',
  'loftq_config',
  'lora_dropout',
  'lora_ga_config',
  'megatron_config',
  'megatron_core',
  'parent_library',
  'peft_version',
  'revision',
  'runtime_config',
  'task_type',
  'layers_pattern',
] as const;

/**
 * Refuses what PEFT can say and merging would get wrong, each by its key and with the cure.
 *
 * @throws TpaError `MODEL_UNSUPPORTED`; `CONFIG_INVALID` for a switch that is none
 */
export function refuseUnsupported(fields: Fields): void {
  const type = fields.get('peft_type');
  if (type !== 'LORA') {
    if (typeof type !== 'string') throw fields.invalid('peft_type', '"LORA"', type);
    throw unsupported('peft_type', '"LORA"', `"${printable(type)}"`, MERGE);
  }
  for (const [key, why] of SWITCHES) {
    if (!fields.isOff(key)) throw unsupported(key, 'nothing', 'something', `${why}: ${MERGE}`);
  }
  if (!fields.isOff('alora_invocation_tokens')) {
    const cure = 'such an adapter is active behind some tokens alone, and cannot be merged';
    throw unsupported('alora_invocation_tokens', 'nothing', 'something', cure);
  }
  const bias = fields.get('bias') ?? 'none';
  if (bias !== 'none') {
    if (typeof bias !== 'string') throw fields.invalid('bias', '"none"', bias);
    throw unsupported('bias', '"none"', `"${printable(bias)}"`, `it replaces biases: ${MERGE}`);
  }
  const init = fields.get('init_lora_weights');
  if (!KEEPS_WEIGHTS.has(init)) {
    if (typeof init !== 'string') throw fields.invalid('init_lora_weights', 'true or false', init);
    const cure =
      'training began by changing the weights of the model, too: save it with PEFT as an ordinary ' +
      'adapter (path_initial_model_for_weight_conversion)';
    const rule = 'true, false, "gaussian", "eva" or "orthogonal"';
    throw unsupported('init_lora_weights', rule, `"${printable(init)}"`, cure);
  }
  fields.boolean('fan_in_fan_out');
  for (const key of OF_TRAINING) fields.get(key);
}

/** The error of what is sound but not merged, with what to do about it. */
function unsupported(path: string, rule: string, found: string, cure: string): TpaError {
  const message = `adapter_config.json: "${path}" expected ${rule}, got ${found}; ${cure}`;
  return new TpaError('MODEL_UNSUPPORTED', message, { data: { path, found } });
}

import { LIMITS } from './limits.ts';
import { Fields, isOff } from './fields.ts';

/** How a model asks to be sampled; what it does not say is left out. */
export interface GenerationDefaults {
  /** Tokens to generate at most. */
  readonly maxTokens?: number;
  /** 0 takes the likeliest token. */
  readonly temperature?: number;
  /** Keep only the k likeliest tokens; 0 keeps all. */
  readonly topK?: number;
  /** Keep the likeliest tokens that hold this probability together. */
  readonly topP?: number;
  /** Drop tokens less likely than this fraction of the likeliest. */
  readonly minP?: number;
  /** What logits of ids already present are divided by. */
  readonly repetitionPenalty?: number;
}

/** A generation_config.json, every field that is read checked. */
export interface GenerationConfig {
  /** Ids that end a generation, besides those of config.json. */
  readonly eosTokenIds: readonly number[];
  readonly defaults: GenerationDefaults;
}

const FILE = 'generation_config.json';

/** Names there and here, and the bounds that the options of `generate` have too. */
const NUMBERS = [
  { key: 'temperature', option: 'temperature', min: 0, max: Number.MAX_VALUE },
  { key: 'top_p', option: 'topP', min: 0, max: 1 },
  { key: 'min_p', option: 'minP', min: 0, max: 1 },
  { key: 'repetition_penalty', option: 'repetitionPenalty', min: 0.01, max: 100 },
] as const;
const INTEGERS = [
  { key: 'top_k', option: 'topK', min: 0 },
  { key: 'max_new_tokens', option: 'maxTokens', min: 1 },
] as const;

/**
 * Checks the keys of a generation_config.json. `do_sample: false` is temperature 0, whatever
 * `temperature` says; a field that is off (null, false, -1) or missing is left to the library.
 *
 * @throws TpaError `CONFIG_INVALID` with data `{ file, path, rule }`
 */
export function parseGenerationConfig(json: unknown, vocabSize: number): GenerationConfig {
  const fields = new Fields(json, FILE);
  const defaults: { -readonly [K in keyof GenerationDefaults]: GenerationDefaults[K] } = {};
  for (const { key, option, min, max } of NUMBERS) {
    if (isStated(fields.get(key), min)) defaults[option] = fields.number(key, min, max);
  }
  for (const { key, option, min } of INTEGERS) {
    if (!isStated(fields.get(key), min)) continue;
    defaults[option] = fields.integer(key, min, Number.MAX_SAFE_INTEGER);
  }
  if (fields.oneOf('do_sample', [true, false]) === false) defaults.temperature = 0;
  return { eosTokenIds: fields.tokenIds('eos_token_id', vocabSize, LIMITS.eosIds), defaults };
}

/** Whether a value says something: 0 does where the option has a 0, and is off elsewhere. */
function isStated(value: unknown, min: number): boolean {
  return !isOff(value) || (value === 0 && min === 0);
}

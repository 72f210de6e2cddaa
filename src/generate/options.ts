import type { CacheDtype } from '../layout/cache-dtype.ts';
import {
  checkInteger,
  checkKind,
  checkKnown,
  checkLength,
  checkNumber,
  checkObject,
  checkRule,
  checkSignal,
  mismatch,
} from '../base/arguments.ts';
import { randomSeed } from './random.ts';
import type { SamplingOptions } from './sampling.ts';

/** How `model.createSession` makes an empty session. */
export interface SessionOptions {
  /** How it caches factors as long as it lives, and its forks do; as the model was loaded unless given. */
  readonly cacheDtype?: CacheDtype;
}

/**
 * How to generate. Every field is optional; an unknown one is refused. The defaults named here are
 * the library's; a model's own (`model.generationDefaults`) go before them.
 *
 * @example
 * const generation = session.generate('Once', { maxTokens: 40, temperature: 0.7, seed: 7 });
 */
export interface GenerateOptions {
  /** Tokens to generate at most, integer >= 1; default 256. */
  maxTokens?: number;
  /** 0 takes the likeliest token; higher is more varied, >= 0; default 0.8. */
  temperature?: number;
  /** Keep only the k likeliest tokens, integer >= 0; default 0 = all. */
  topK?: number;
  /** Keep the likeliest tokens that hold this probability together, 0 … 1; default 1 = all. */
  topP?: number;
  /** Drop tokens less likely than this fraction of the likeliest, 0 … 1; default 0 = none. */
  minP?: number;
  /** Divides positive and multiplies negative logits of ids already present, 0.01 … 100; default 1. */
  repetitionPenalty?: number;
  /**
   * Same seed, same tokens; integer in 0 … 2^53 - 1; default: random, see `generation.seed`.
   * `'continue'` takes up the random numbers where the last generation of the session stopped, before
   * a snapshot too: two calls then give the text that one would have given.
   */
  seed?: number | 'continue';
  /**
   * Text that ends the generation and is not part of it; up to 16 strings; default none. The text of
   * a special token stands for that token.
   */
  stop?: string | readonly string[];
  /** Ids that end the generation besides the model's own, up to 64; default none. */
  stopTokens?: readonly number[];
  /** Whether each token carries its log-probability; default false. */
  logprobs?: boolean;
  /** Ends the generation within a token or a chunk of the prompt, with `finishReason` `'abort'`; default none. */
  signal?: AbortSignal;
}

/** Options of `session.score` and `model.score`. */
export interface ScoreOptions {
  /** Ends the call with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/** {@link GenerateOptions} with every default filled in. */
export interface ResolvedOptions extends SamplingOptions {
  readonly seed: number | 'continue';
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly stopTokens: readonly number[];
  readonly logprobs: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Four times what hosted APIs allow; each is searched at each token. */
const MAX_STOPS = 16;

/** UTF-16 units of one stop string: a line of text. Searching costs up to its square per token. */
const MAX_STOP_LENGTH = 256;

/** Four times what any published model names. */
const MAX_STOP_TOKENS = 64;

const READERS: { readonly [K in keyof ResolvedOptions]: (value: unknown) => ResolvedOptions[K] } = {
  maxTokens: (v = 256) => checkInteger('maxTokens', v, 1),
  temperature: (v = 0.8) => checkNumber('temperature', v, 0),
  topK: (v = 0) => checkInteger('topK', v, 0),
  topP: (v = 1) => checkNumber('topP', v, 0, 1),
  minP: (v = 0) => checkNumber('minP', v, 0, 1),
  // Far beyond use (1 … 2), and no product of a float32 logit with these overflows float64.
  repetitionPenalty: (v = 1) => checkNumber('repetitionPenalty', v, 0.01, 100),
  seed: (v = randomSeed()) => (v === 'continue' ? v : checkInteger('seed', v, 0)),
  stop: readStop,
  stopTokens: readStopTokens,
  logprobs: (v = false) => checkKind('logprobs', v, 'boolean'),
  signal: (v) => checkSignal('signal', v),
};

/**
 * Checks the options and fills in the defaults; draws a seed if none is given.
 *
 * @param defaults what a model asks for; goes before what the library does
 * @throws TypeError for an unknown key or a wrong type, RangeError for a value out of range
 */
export function resolveOptions(
  options: GenerateOptions = {},
  defaults: GenerateOptions = {},
): ResolvedOptions {
  checkObject('options', options);
  checkKnown('an option of generate', options, Object.keys(READERS));
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const merged: GenerateOptions = { ...defaults, ...Object.fromEntries(given) };
  const read = Object.entries(READERS).map(([key, reader]) => {
    return [key, reader(merged[key as keyof GenerateOptions])];
  });
  return Object.fromEntries(read) as ResolvedOptions;
}

function readStopTokens(value: unknown = []): readonly number[] {
  if (!Array.isArray(value)) throw new TypeError(mismatch('stopTokens', 'token ids', value));
  checkRule(
    'stopTokens',
    value.length <= MAX_STOP_TOKENS,
    `at most ${MAX_STOP_TOKENS} ids`,
    value.length,
  );
  return Array.from(value, (id: unknown, i) => checkInteger(`stopTokens[${i}]`, id, 0));
}

function readStop(value: unknown = []): readonly string[] {
  const stops: unknown = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(stops)) throw new TypeError(mismatch('stop', 'a string or strings', value));
  checkRule('stop', stops.length <= MAX_STOPS, `at most ${MAX_STOPS} strings`, stops.length);
  return Array.from(stops, (given: unknown, i) => {
    const stop = checkLength(`stop[${i}]`, given, MAX_STOP_LENGTH);
    // Half a surrogate pair never occurs in decoded text, and would match half a character.
    if (!/\p{Surrogate}/u.test(stop)) return stop;
    throw new RangeError(`"stop[${i}]" expected well-formed text, got a lone surrogate`);
  });
}

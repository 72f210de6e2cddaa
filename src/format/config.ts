import { TpaError } from '../errors.ts';
import { describe, Fields, invalidConfig } from './fields.ts';
import { isDeeperThan } from './json-depth.ts';
import { inferMechanism, refuseForeign } from './mechanism.ts';
import type { Mechanism } from './mechanism.ts';
import type { TensorEntry } from './safetensors.ts';

/** Sizes and switches of a T6 model, every field checked. */
export interface ModelConfig {
  readonly mechanism: Mechanism;
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  /** Width of the residual stream; heads * headDim need not equal it. */
  readonly dim: number;
  /** Width of the feed-forward layer, floor(8/3 dim). */
  readonly hiddenDim: number;
  /** 0 for `tpa-kvonly`, whose query has full rank. */
  readonly rankQ: number;
  readonly rankK: number;
  readonly rankV: number;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly ropeTheta: number;
  /** What cos and sin are rounded to. */
  readonly ropePrecision: 'bfloat16' | 'float32';
  /** Whether each head's output passes a weighted RMSNorm. */
  readonly usesGroupNorm: boolean;
  /** Ids that end a generation, those of generation_config.json included. */
  readonly eosTokenIds: readonly number[];
  /** Keys of the file that nothing reads, printable. */
  readonly ignoredKeys: readonly string[];
}

/** Configs take 1 to 10 KB. */
export const MAX_CONFIG_BYTES = 2 ** 20;
/** Real ones nest 3 deep. */
const MAX_CONFIG_DEPTH = 32;
/** The largest T6 has 48; absurd but countable sizes are left to the memory budget. */
const MAX_LAYERS = 16_384;
/** The largest T6 has 78. */
const MAX_HEADS = 1024;
/** 64 in every T6; 256 is the largest elsewhere. */
const MAX_HEAD_DIM = 1024;
/** The largest T6 has 1600; with the caps above every count of weights stays a safe integer. */
const MAX_DIM = 32_768;
/** Four times the largest vocabulary in use, 256 K. */
const MAX_VOCAB = 2 ** 20;
/** RoPE multiplies float32 positions: 2^24 is the last before integers get lost. */
const MAX_CONTEXT = 2 ** 24;
/** The largest in use is 5e8; below 1 the angles would grow along a row. */
const MAX_ROPE_THETA = 1e12;
/** LLaMA 3 has three. */
export const MAX_EOS_IDS = 256;

const DEFAULT_CONTEXT = 1024;
const DEFAULT_ROPE_THETA = 10_000;

/** Keys that change the computation unless they are not set or have this value. */
const NEUTRAL: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['bias', false],
  ['tie_word_embeddings', true],
  ['rope_partial_factor', 1],
  ['rope_decay_base', 1],
  ['rope_scaling', undefined],
]);

/**
 * Parses the bytes of a config.json, or of another `file` of settings.
 *
 * @throws TpaError `CONFIG_INVALID` where they are not strict UTF-8 JSON, too long or too deep
 */
export function parseConfigBytes(
  bytes: Uint8Array,
  file = 'config.json',
  maxBytes = MAX_CONFIG_BYTES,
): unknown {
  if (bytes.byteLength > maxBytes) {
    throw invalidConfig('', `at most ${maxBytes} bytes`, bytes.byteLength, file);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidConfig('', 'UTF-8 text', bytes, file);
  }
  if (isDeeperThan(MAX_CONFIG_DEPTH, bytes)) {
    throw invalidConfig('', `at most ${MAX_CONFIG_DEPTH} levels`, MAX_CONFIG_DEPTH + 1, file);
  }
  try {
    return JSON.parse(text);
  } catch {
    // The engine's error quotes the text, so it is not kept as the cause.
    throw invalidConfig('', 'JSON', text, file);
  }
}

/**
 * Checks the keys of a T6 config.json and tells the mechanism from the names of the tensors.
 *
 * @throws TpaError `CONFIG_INVALID` with data `{ path, rule }`, `MODEL_UNSUPPORTED`,
 *   `MODEL_MISMATCH`
 * @example
 * const config = parseConfig(parseConfigBytes(bytes), (await openTensors(files)).entries);
 * config.mechanism; // 'tpa'
 */
export function parseConfig(
  json: unknown,
  tensorNames: ReadonlyMap<string, TensorEntry>,
): ModelConfig {
  const fields = new Fields(json);
  const clues = {
    attention: fields.get('attention'),
    families: [fields.get('model_type'), fields.get('architectures')].flat(),
    tensorNames,
  };
  refuseForeign(clues);
  fields.oneOf('attention', ['tpa', 'tpa-kvonly']);
  for (const [key, neutral] of NEUTRAL) refuseUnlessNeutral(key, fields.get(key), neutral);

  const headDim = fields.integer('head_dim', 2, MAX_HEAD_DIM);
  // RoPE pairs the halves of a head.
  if (headDim % 2 !== 0) throw invalidConfig('head_dim', 'an even integer', headDim);
  const dim = fields.integer('n_embd', 1, MAX_DIM);
  const rank = fields.integer('rank', 1, headDim);
  const vocabSize = fields.integer('vocab_size', 1, MAX_VOCAB);
  const sizes = {
    layers: fields.integer('n_layer', 1, MAX_LAYERS),
    heads: fields.integer('n_head', 1, MAX_HEADS),
    headDim,
    dim,
    hiddenDim: Math.floor((8 * dim) / 3),
    rankK: rank,
    rankV: rank,
    vocabSize,
    contextLength: fields.integer('block_size', 1, MAX_CONTEXT, DEFAULT_CONTEXT),
  };
  const switches = {
    ropeTheta: fields.number('rope_theta', 1, MAX_ROPE_THETA, DEFAULT_ROPE_THETA),
    ropePrecision: fields.oneOf('rope_precision', ['bfloat16', 'float32']) ?? 'bfloat16',
    usesGroupNorm: fields.oneOf('using_groupnorm', [true, false]) ?? false,
    eosTokenIds: fields.integers('eos_token_id', 0, vocabSize - 1, MAX_EOS_IDS),
  };
  const mechanism = inferMechanism(clues);
  const rankQ = mechanism === 'tpa' ? fields.integer('q_rank', 1, headDim) : 0;
  return { mechanism, ...sizes, rankQ, ...switches, ignoredKeys: fields.ignored() };
}

function refuseUnlessNeutral(key: string, value: unknown, neutral: unknown): void {
  if (value === undefined || value === neutral) return;
  const isRightKind = neutral === undefined || typeof value === typeof neutral;
  const rule = neutral === undefined ? 'null' : String(neutral);
  if (!isRightKind || Number.isNaN(value)) throw invalidConfig(key, rule, value);
  const message = `config.json: "${key}" expected ${rule}, got ${describe(value)}`;
  throw new TpaError('MODEL_UNSUPPORTED', message, { data: { path: key } });
}

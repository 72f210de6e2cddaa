/** One cached piece of a token's factors; `at` is its place among the numbers of a token. */
export interface CachePiece {
  readonly name: 'ak' | 'bk' | 'av' | 'bv';
  readonly at: number;
  /** Numbers a token. */
  readonly width: number;
}

/** A tensor of small integers that the graph takes from the CPU: shapes and sizes of splits. */
export interface SizeInput {
  readonly name: string;
  readonly values: readonly number[];
}

/**
 * One step of a model as an ONNX graph: T new tokens after a past of P cached ones, P a multiple of
 * {@link PAST_BLOCK} and at least one block, what is not filled hidden by the mask.
 *
 * Inputs, float32 unless said: `x` (T, dim) embedded tokens; `cos` and `sin` (T, 1, rotaryDim), by
 * feature, the sign of the rotation included; `mask` (T, P + T), added to the logits, and
 * `window_mask` likewise where layers have a sliding window; `rows` (n) int32, the tokens whose
 * logits are wanted; where keys rotate at attention time `past_cos` and `past_sin`
 * (P, 1, rotaryDim); every weight under its name; `past.{piece}.{layer}` (P, width); every SizeInput
 * as int64.
 *
 * Outputs: `logits` (n, vocabSize); `new.{piece}` (layers, T, width).
 */
export interface StepGraph {
  /** The ONNX file; weights are inputs, so it is small. */
  readonly model: Uint8Array;
  readonly layers: number;
  readonly pieces: readonly CachePiece[];
  /** Names of further inputs that this model takes: `window_mask`, `past_cos`, `past_sin`. */
  readonly extras: readonly string[];
  /** Numbers of the largest intermediate tensor for one new token and one past token. */
  readonly scoreNumbers: number;
  /** The size inputs of a step. */
  sizes(tokens: number, past: number): readonly SizeInput[];
}

/** Tokens that the past is rounded up to: sums over it are parallel over blocks. */
export const PAST_BLOCK = 64;

/** Added to the logits of what a token must not see: exp of it is 0, and no sum of two overflows. */
export const HIDDEN = -1e30;

import { TpaError } from '../base/errors.ts';
import { exp, log } from './exp.ts';
import type { RandomSource } from './random.ts';
import { Ranking } from './ranking.ts';

/** How the next token is chosen; see {@link GenerateOptions} for ranges and defaults. */
export interface SamplingOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
}

/**
 * What sampling works in. With 50,000 candidates a token takes 1 MB of it, which would be garbage at once;
 * nothing in it outlasts a call, so that one is enough for all generations of a model.
 */
export class SamplingMemory {
  scores = new Float64Array();
  weights = new Float64Array();
  /** For a {@link Ranking}. */
  ranks = new Int32Array();
  /** Whether an id had its penalty. */
  seen = new Uint8Array();

  /** Makes all of it as long as there are candidates. */
  resize(candidates: number): void {
    if (this.scores.length === candidates) return;
    this.scores = new Float64Array(candidates);
    this.weights = new Float64Array(candidates);
    this.ranks = new Int32Array(candidates);
    this.seen = new Uint8Array(candidates);
  }
}

/**
 * Chooses the next token: repetition penalty, temperature, top-k, top-p, min-p, then one draw.
 * Ties go to the lower id; a NaN logit is never chosen. Only portable arithmetic is used, so equal
 * logits and an equal random source give an equal token in every runtime.
 *
 * @param logits (vocabSize), left as they are
 * @param history the ids the repetition penalty applies to, each once
 * @param candidates ids from here on are never chosen (rows that pad the vocabulary)
 * @param memory overwritten
 * @throws TpaError `NONFINITE_LOGITS` if no candidate has a finite logit, or one is +Infinity
 */
export function sampleToken(
  logits: Float32Array,
  options: SamplingOptions,
  history: readonly number[],
  random: RandomSource,
  candidates: number,
  memory = new SamplingMemory(),
): number {
  const scores = penalised(logits, options.repetitionPenalty, history, candidates, memory);
  const best = argmax(scores);
  if (options.temperature === 0 || options.topK === 1) return best;

  const ranking =
    options.topK > 0 || options.topP < 1 ? new Ranking(scores, memory.ranks) : undefined;
  const ids = options.topK > 0 ? takeBest(ranking!, options.topK) : undefined;
  const weights = weigh(memory, ids, scores[best]!, options.temperature);
  if (options.topP === 1) return draw(ids, weights, options.minP, random);
  const nucleus = cutNucleus(ids, ranking!, weights, options.topP);
  return draw(nucleus, weights, options.minP, random);
}

/**
 * The log-probability of a token under the plain softmax: no penalty, temperature 1.
 *
 * @param logits (vocabSize)
 * @param candidates ids below this share the probability
 * @param memory overwritten
 */
export function logprobOf(
  logits: Float32Array,
  id: number,
  candidates: number,
  memory = new SamplingMemory(),
): number {
  const scores = penalised(logits, 1, [], candidates, memory);
  const max = scores[argmax(scores)]!;
  let total = 0;
  for (const score of scores) total += exp(score - max);
  return scores[id]! - max - log(total);
}

/** The candidates' scores: NaN becomes -Infinity, the CTRL penalty is applied. */
function penalised(
  logits: Float32Array,
  penalty: number,
  history: readonly number[],
  candidates: number,
  memory: SamplingMemory,
): Float64Array {
  memory.resize(Math.min(candidates, logits.length));
  const { scores, seen } = memory;
  scores.set(logits.subarray(0, scores.length));
  for (let id = 0; id < scores.length; id++) {
    if (Number.isNaN(scores[id]!)) scores[id] = -Infinity;
  }
  if (penalty === 1) return scores;
  seen.fill(0);
  for (const id of history) {
    if (id >= scores.length || seen[id] === 1) continue;
    seen[id] = 1;
    const score = scores[id]!;
    scores[id] = score > 0 ? score / penalty : score * penalty;
  }
  return scores;
}

function argmax(scores: Float64Array): number {
  let best = 0;
  for (let id = 1; id < scores.length; id++) if (scores[id]! > scores[best]!) best = id;
  if (!Number.isFinite(scores[best])) {
    const message = 'no token can be sampled: the highest logit is not finite; check the weights';
    throw new TpaError('NONFINITE_LOGITS', message);
  }
  return best;
}

function takeBest(ranking: Ranking, count: number): number[] {
  return Array.from({ length: Math.min(count, ranking.size) }, () => ranking.take()!);
}

/** e^((score - max) / temperature) of the ids (all, if undefined), so that the best weighs 1. */
function weigh(
  { scores, weights }: SamplingMemory,
  ids: readonly number[] | undefined,
  max: number,
  temperature: number,
): Float64Array {
  weights.fill(0);
  const count = ids?.length ?? scores.length;
  for (let i = 0; i < count; i++) {
    const id = ids?.[i] ?? i;
    weights[id] = exp((scores[id]! - max) / temperature);
  }
  return weights;
}

/** The fewest best ids that hold the fraction `topP` of all weight, at least one. */
function cutNucleus(
  ids: readonly number[] | undefined,
  ranking: Ranking,
  weights: Float64Array,
  topP: number,
): number[] {
  let total = 0;
  for (const weight of weights) total += weight;
  let covered = 0;
  const nucleus: number[] = [];
  while (nucleus.length === 0 || covered < topP * total) {
    const id = ids === undefined ? ranking.take() : ids[nucleus.length];
    if (id === undefined) break;
    nucleus.push(id);
    covered += weights[id]!;
  }
  return nucleus;
}

/** Draws among `ids` (all, if undefined) in proportion to the weights that are >= minP. */
function draw(
  ids: readonly number[] | undefined,
  weights: Float64Array,
  minP: number,
  random: RandomSource,
): number {
  const count = ids?.length ?? weights.length;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const weight = weights[ids?.[i] ?? i]!;
    if (weight >= minP) total += weight;
  }
  let left = random.next() * total;
  let chosen = 0;
  for (let i = 0; i < count; i++) {
    const id = ids?.[i] ?? i;
    const weight = weights[id]!;
    if (weight === 0 || weight < minP) continue;
    chosen = id; // the last id takes what rounding leaves over
    left -= weight;
    if (left < 0) break;
  }
  return chosen;
}

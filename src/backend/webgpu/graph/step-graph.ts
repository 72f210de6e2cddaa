import { type AttentionSpec, storedNumbers } from '../../../attention/spec.ts';
import { TpaError } from '../../../base/errors.ts';
import type { ModelConfig } from '../../../format/config/model-config.ts';
import { GROUP_NORM_EPS } from '../../../model/forward.ts';
import { attentionSpec, headOutputDim } from '../../../format/config/attention-spec.ts';
import { attendGraph, type GraphQueries, scoreNumbers } from './attention-graph.ts';
import {
  type FactorParameters,
  formSide,
  type Pieces,
  type Rotation,
  splitFactors,
} from './factors-graph.ts';
import { GraphBuilder, type SizeInput, TOKENS } from './graph-builder.ts';
import { latentOutput, splitLatent } from './latent-graph.ts';
import { WeightInputs, type WeightSpec } from './weight-inputs.ts';

/** One cached piece of a token's factors; `at` is its place among the numbers of a token. */
export interface CachePiece {
  readonly name: keyof Pieces;
  readonly at: number;
  /** Numbers a token. */
  readonly width: number;
}

/**
 * One step of a model as an ONNX graph: T new tokens after a past of P cached ones, P a multiple of
 * PAST_BLOCK and at least one block, what is not filled hidden by the mask.
 *
 * Inputs, float32 unless said: `x` (T, dim) embedded tokens; `cos` and `sin` (T, pairs), the
 * sine times minus the direction of the rotation; `past_mask` (P) and `mask` (T · rowsPerToken, T) or
 * (T, 1, T), added to the logits; where layers have a sliding window `window_past_mask`
 * (T · rowsPerToken, P) and `window_mask` likewise; `rows` (n) int32, the tokens whose logits are
 * wanted; where keys rotate at attention time `past_cos` and `past_sin` (P, pairs); every
 * weight under its name; `past.{piece}.{layer}` (P, width); every SizeInput as int64.
 *
 * Outputs: `logits` (n, vocabSize); `new.{piece}` (layers, T, width).
 */
export interface StepGraph {
  /** The ONNX file; weights are inputs, so it is small. */
  readonly model: Uint8Array;
  readonly pieces: readonly CachePiece[];
  /** Numbers of a token in a layer, all pieces. */
  readonly numbers: number;
  /** Rows of logits of a query token under one mask: query heads of a K/V head, 0 where heads have an axis of their own. */
  readonly rowsPerToken: number;
  /** Whether keys rotate at attention time. */
  readonly rotatesPast: boolean;
  /** Numbers of the largest intermediate tensor for one new token and one past token. */
  readonly scoreNumbers: number;
  /** The size inputs of a step. */
  sizes(tokens: number, past: number): readonly SizeInput[];
}

/**
 * Writes the graph of a model.
 *
 * @param weights every weight, cut ones in pieces
 * @param isHalf products of weights in float16
 * @throws TpaError `MODEL_UNSUPPORTED` for linear attention, whose state is no cache
 */
export function stepGraph(
  config: ModelConfig,
  weights: readonly WeightSpec[],
  isHalf: boolean,
): StepGraph {
  if (config.isLinear) {
    const message = 'linear attention has no factors to copy; it computes on the CPU';
    throw new TpaError('MODEL_UNSUPPORTED', message, { data: { found: config.mechanism } });
  }
  const g = new GraphBuilder();
  const w = new WeightInputs(g, weights, isHalf);
  const { layers, dim, vocabSize, hiddenDim, normEps, rotaryDim, heads } = config;
  const pieces = cachePieces(attentionSpec(config));
  const pairs = rotaryDim / 2;
  const rotation: Rotation = {
    count: TOKENS,
    cos: g.input('cos', ['T', pairs]),
    sin: g.input('sin', ['T', pairs]),
    pairs,
  };
  const norm = (x: string, name: string) => g.rmsNorm(x, w.get(name) ?? g.ones(dim), normEps);

  const fresh: Pieces[] = [];
  let x = g.input('x', ['T', dim]);
  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string) => `layers.${layer}.${name}`;
    const projected = w.product(norm(x, at('attention_norm')), at('projection'));
    const { attended, pieces: own } = attention(g, w, config, layer, projected, rotation);
    fresh.push(own);
    x = g.add(x, w.product(groupNorm(g, w, config, layer, attended), at('output')));
    x = g.add(x, feedForward(g, w, norm(x, at('feed_forward_norm')), layer, hiddenDim));
  }
  const wanted = g.node('Gather', [x, g.input('rows', ['n'], 'int32')], { axis: 0 });
  g.output('logits', w.product(norm(wanted, 'final_norm'), 'head'), ['n', vocabSize]);
  for (const { name, width } of pieces) {
    const rows = fresh.map((own) => g.reshape(own[name]!, 1, -1, width));
    g.output(`new.${name}`, g.concat(rows, 0), [layers, 'T', width]);
  }
  const isDense = config.headFactors === 'groups';
  return {
    model: g.build(),
    pieces,
    numbers: countNumbers(pieces),
    rowsPerToken: isDense ? heads / config.rankK : 0,
    rotatesPast: rotatesPast(config),
    scoreNumbers: scoreNumbers(attentionSpec(config), config.rankQ),
    sizes: (tokens, past) => g.sizeInputs(tokens, past),
  };
}

/** What of a token is cached, in the order of FactorSequence. */
export function cachePieces(spec: AttentionSpec): CachePiece[] {
  const { rankK, rankV } = spec;
  const { headRows, keyRows, valueRows } = storedNumbers(spec);
  const widths: [keyof Pieces, number][] = [
    ['ak', headRows * rankK],
    ['bk', keyRows * rankK],
    ['av', headRows * rankV],
    ['bv', valueRows * rankV],
  ];
  let at = 0;
  const pieces = widths.map(([name, width]) => ({ name, width, at: (at += width) - width }));
  return pieces.filter(({ width }) => width > 0);
}

/** Numbers of a token in a layer, all pieces. */
export function countNumbers(pieces: readonly CachePiece[]): number {
  return pieces.reduce((sum, { width }) => sum + width, 0);
}

function rotatesPast({ featureFactors }: ModelConfig): boolean {
  return featureFactors === 'fixed' || featureFactors === 'shared';
}

/** Each head's output (tokens, heads · headOutputDim), and what the cache takes. */
function attention(
  g: GraphBuilder,
  w: WeightInputs,
  config: ModelConfig,
  layer: number,
  projected: string,
  rotation: Rotation,
): { attended: string; pieces: Pieces } {
  const spec = attentionSpec(config, layer);
  const parameters = factorParameters(w, layer);
  const { queries, pieces }: { queries: GraphQueries; pieces: Pieces } =
    config.latent === undefined
      ? splitFactors(g, config, spec, projected, parameters, rotation)
      : splitLatent(g, w, config, layer, projected, rotation);
  const isDense = config.headFactors === 'groups';
  const masked = (name: string) => (spec.window === undefined ? name : `window_${name}`);
  const past: Pieces = Object.fromEntries(
    cachePieces(spec).map(({ name, width }) => [
      name,
      g.input(`past.${name}.${layer}`, ['P', width]),
    ]),
  );
  const pairs = config.rotaryDim / 2;
  const pastRotation = rotatesPast(config)
    ? {
        count: { past: 1 },
        cos: g.input('past_cos', ['P', pairs]),
        sin: g.input('past_sin', ['P', pairs]),
        pairs,
      }
    : undefined;
  const sides = [
    {
      ...formSide(g, spec, past, parameters, pastRotation),
      mask: g.input(masked('past_mask'), spec.window === undefined ? ['P'] : ['TR', 'P']),
      isPast: true,
    },
    {
      ...formSide(g, spec, pieces, parameters, rotation),
      mask: g.input(masked('mask'), isDense ? ['TR', 'T'] : ['T', 1, 'T']),
      isPast: false,
    },
  ];
  const attended = attendGraph(g, spec, queries, sides);
  return {
    attended: config.latent === undefined ? attended : latentOutput(g, w, config, layer, attended),
    pieces,
  };
}

function groupNorm(
  g: GraphBuilder,
  w: WeightInputs,
  config: ModelConfig,
  layer: number,
  attended: string,
): string {
  const weight = w.get(`layers.${layer}.group_norm`);
  if (weight === undefined) return attended;
  const { heads } = config;
  const width = headOutputDim(config);
  const rows = g.reshape(attended, -1, heads, width);
  return g.reshape(g.rmsNorm(rows, weight, GROUP_NORM_EPS), -1, heads * width);
}

/** W_down · (silu(W_gate · x) ∘ W_up · x): (tokens, dim) from normed x (tokens, dim). */
export function feedForward(
  g: GraphBuilder,
  w: WeightInputs,
  x: string,
  layer: number,
  hiddenDim: number,
): string {
  const gateUp = w.product(x, `layers.${layer}.gate_up`);
  const [gate, up] = g.split(gateUp, 1, hiddenDim, hiddenDim);
  const silu = g.multiply(gate!, g.node('Sigmoid', [gate!]));
  return w.product(g.multiply(silu, up!), `layers.${layer}.down`);
}

function factorParameters(w: WeightInputs, layer: number): FactorParameters {
  const names = { queryNorm: 'query_norm', keyNorm: 'key_norm' };
  const factors = ['aq', 'ak', 'av', 'bq', 'bk', 'bv'].map((name) => [name, name] as const);
  return Object.fromEntries(
    [...Object.entries(names), ...factors].flatMap(([key, name]) => {
      const weight = w.get(`layers.${layer}.${name}`);
      return weight === undefined ? [] : [[key, weight]];
    }),
  );
}

import type { AttentionSpec } from '../../../attention/spec.ts';
import { TpaError } from '../../../base/errors.ts';
import type { ModelConfig } from '../../../format/config/model-config.ts';
import { piecesOf } from '../../../layout/pages.ts';
import { GROUP_NORM_EPS } from '../../../model/forward.ts';
import { attentionSpec, headOutputDim } from '../../../format/config/attention-spec.ts';
import { attendGraph, scoreNumbers } from './attention-graph.ts';
import { formSide, type Pieces, type Rotation, splitFactors } from './factors-graph.ts';
import { type BuiltGraph, GraphBuilder, type Size, TOKENS } from './graph-builder.ts';
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
export interface StepGraph extends BuiltGraph {
  readonly pieces: readonly CachePiece[];
  /** Numbers of a token in a layer, all pieces. */
  readonly numbers: number;
  /** Rows of logits of a query token under one mask: query heads of a K/V head, 0 where heads have an axis of their own. */
  readonly rowsPerToken: number;
  /** Whether keys rotate at attention time. */
  readonly rotatesPast: boolean;
  /** Numbers of the largest intermediate tensor for one new token and one past token. */
  readonly scoreNumbers: number;
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
  const all = new WeightInputs(g, weights, isHalf);
  const { layers, dim, vocabSize, hiddenDim, normEps, heads } = config;
  const pieces = cachePieces(attentionSpec(config));
  const rotation = rotationInputs(g, config, '', 'T', TOKENS);
  const norm = (w: WeightInputs, x: string, name: string) =>
    g.rmsNorm(x, w.get(name) ?? g.ones(dim), normEps);

  const fresh: Pieces[] = [];
  let x = g.input('x', ['T', dim]);
  for (let layer = 0; layer < layers; layer++) {
    const w = all.ofLayer(layer);
    const projected = w.product(norm(w, x, 'attention_norm'), 'projection');
    const { attended, pieces: own } = attention(w, config, layer, projected, rotation);
    fresh.push(own);
    x = g.add(x, w.product(groupNorm(w, config, attended), 'output'));
    x = g.add(x, feedForward(w, norm(w, x, 'feed_forward_norm'), hiddenDim));
  }
  const wanted = g.node('Gather', [x, g.input('rows', ['n'], 'int32')], { axis: 0 });
  g.output('logits', all.product(norm(all, wanted, 'final_norm'), 'head'), ['n', vocabSize]);
  for (const { name, width } of pieces) {
    const rows = fresh.map((own) => g.reshape(own[name]!, 1, -1, width));
    g.output(`new.${name}`, g.concat(rows, 0), [layers, 'T', width]);
  }
  const isDense = config.headFactors === 'groups';
  return {
    ...g.build(),
    pieces,
    numbers: countNumbers(pieces),
    rowsPerToken: isDense ? heads / config.rankK : 0,
    rotatesPast: rotatesPast(config),
    scoreNumbers: scoreNumbers(attentionSpec(config), config.rankQ),
  };
}

/** What of a token is cached, in the order of FactorSequence. */
export function cachePieces(spec: AttentionSpec): CachePiece[] {
  const pieces = piecesOf(spec).filter(({ numbers }) => numbers > 0);
  return pieces.map(({ factor, from, numbers }) => ({ name: factor, at: from, width: numbers }));
}

/** Numbers of a token in a layer, all pieces. */
export function countNumbers(pieces: readonly CachePiece[]): number {
  return pieces.reduce((sum, { width }) => sum + width, 0);
}

function rotatesPast({ featureFactors }: ModelConfig): boolean {
  return featureFactors === 'fixed' || featureFactors === 'shared';
}

/** The inputs of a layer's cache, P tokens. */
export function pastInputs(g: GraphBuilder, spec: AttentionSpec, layer: number): Pieces {
  const input = ({ name, width }: CachePiece) =>
    [name, g.input(`past.${name}.${layer}`, ['P', width])] as const;
  return Object.fromEntries(cachePieces(spec).map(input));
}

function rotationInputs(
  g: GraphBuilder,
  { rotaryDim }: ModelConfig,
  prefix: string,
  axis: string,
  count: Size,
): Rotation {
  const pairs = rotaryDim / 2;
  const table = (name: string) => g.input(prefix + name, [axis, pairs]);
  return { count, cos: table('cos'), sin: table('sin'), pairs };
}

/** Each head's output (tokens, heads · headOutputDim), and what the cache takes. */
function attention(
  w: WeightInputs,
  config: ModelConfig,
  layer: number,
  projected: string,
  rotation: Rotation,
): { attended: string; pieces: Pieces } {
  const g = w.graph;
  const spec = attentionSpec(config, layer);
  const { queries, pieces } =
    config.latent === undefined
      ? splitFactors(w, config, spec, projected, rotation)
      : splitLatent(w, config, projected, rotation);
  const isDense = config.headFactors === 'groups';
  const masked = (name: string) => (spec.window === undefined ? name : `window_${name}`);
  const pastRotation = rotatesPast(config)
    ? rotationInputs(g, config, 'past_', 'P', { past: 1 })
    : undefined;
  const sides = [
    {
      ...formSide(w, spec, pastInputs(g, spec, layer), pastRotation),
      mask: g.input(masked('past_mask'), spec.window === undefined ? ['P'] : ['TR', 'P']),
      isPast: true,
    },
    {
      ...formSide(w, spec, pieces, rotation),
      mask: g.input(masked('mask'), isDense ? ['TR', 'T'] : ['T', 1, 'T']),
      isPast: false,
    },
  ];
  const attended = attendGraph(g, spec, queries, sides);
  return {
    attended: config.latent === undefined ? attended : latentOutput(w, config, attended),
    pieces,
  };
}

function groupNorm(w: WeightInputs, config: ModelConfig, attended: string): string {
  const weight = w.get('group_norm');
  if (weight === undefined) return attended;
  const g = w.graph;
  const { heads } = config;
  const width = headOutputDim(config);
  const rows = g.reshape(attended, -1, heads, width);
  return g.reshape(g.rmsNorm(rows, weight, GROUP_NORM_EPS), -1, heads * width);
}

/** W_down · (silu(W_gate · x) ∘ W_up · x): (tokens, dim) from normed x (tokens, dim) of a layer. */
export function feedForward(w: WeightInputs, x: string, hiddenDim: number): string {
  const g = w.graph;
  const [gate, up] = g.split(w.product(x, 'gate_up'), 1, hiddenDim, hiddenDim);
  const silu = g.multiply(gate!, g.node('Sigmoid', [gate!]));
  return w.product(g.multiply(silu, up!), 'down');
}

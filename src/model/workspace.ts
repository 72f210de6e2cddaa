import { attendScratch } from '../attention/attend.ts';
import { factorLayout, padToPanel } from '../attention/factors.ts';
import { RopeTables } from '../attention/rope.ts';
import type { ModelConfig } from '../format/model-config.ts';
import type { Engine } from '../wasm/engine.ts';
import { factorSpec } from './weights.ts';

/** Rows of logits computed together: the output projection is read once for all of them. */
export const LOGIT_ROWS = 16;

/**
 * Room for the activations of `tokens` tokens, shared by all sequences of a model: a forward pass
 * is never interrupted. Row strides are whole panels.
 */
export interface Workspace {
  readonly tokens: number;
  /** (tokens) u32 */
  readonly ids: number;
  /** (tokens, width) the residual stream */
  readonly x: number;
  /** (tokens, width) normalised */
  readonly normed: number;
  /** (tokens, factorLayout.stride) */
  readonly factors: number;
  /** (tokens, heads, headDim) */
  readonly attended: number;
  /** (tokens, 2 · padded hiddenDim) */
  readonly gateUp: number;
  /** (LOGIT_ROWS, padded vocabSize) */
  readonly logits: number;
  /** {@link attendScratch} bytes */
  readonly scratch: number;
  readonly rope: RopeTables;
  /** Row stride of x and normed. */
  readonly width: number;
}

/**
 * @param shapeAt address of the CacheShape of a layer
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function createWorkspace(
  engine: Engine,
  config: ModelConfig,
  shapeAt: number,
  tokens: number,
): Workspace {
  const { heap } = engine;
  const { dim, heads, headDim, hiddenDim, rankQ, vocabSize } = config;
  const width = padToPanel(dim);
  const rope = new RopeTables(
    engine,
    { rotaryDim: headDim, theta: config.ropeTheta, precision: config.ropePrecision, direction: 1 },
    tokens,
  );
  const floats = (count: number) => heap.allocate(count * 4);
  return {
    tokens,
    ids: floats(tokens),
    x: floats(tokens * width),
    normed: floats(tokens * width),
    factors: floats(tokens * factorLayout(factorSpec(config)).stride),
    attended: floats(tokens * heads * headDim),
    gateUp: floats(tokens * 2 * padToPanel(hiddenDim)),
    logits: floats(Math.min(tokens, LOGIT_ROWS) * padToPanel(vocabSize)),
    scratch: heap.allocate(attendScratch(engine, shapeAt, rankQ, tokens)),
    rope,
    width,
  };
}

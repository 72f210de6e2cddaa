import type { GroupedShape } from '../shapes.ts';
import { randomValues } from '../random.ts';
import { floatValue, type GraphSpec } from '../../src/backend/webgpu/graph/onnx-model.ts';
import type { Feed } from './ort.ts';

/** One GroupQueryAttention step: past of M tokens and one new token in, M + 1 tokens out. */
export function gqaGraph({ heads, kvHeads, headDim }: GroupedShape): GraphSpec {
  const graph: Pick<GraphSpec, 'inputs' | 'outputs'> = {
    inputs: [
      floatValue('query', 1, 1, heads * headDim),
      floatValue('key', 1, 1, kvHeads * headDim),
      floatValue('value', 1, 1, kvHeads * headDim),
      floatValue('past_key', 1, kvHeads, 'M', headDim),
      floatValue('past_value', 1, kvHeads, 'M', headDim),
      { name: 'seqlens_k', type: 'int32', dims: [1] },
      { name: 'total_sequence_length', type: 'int32', dims: [1] },
    ],
    outputs: [
      floatValue('output', 1, 1, heads * headDim),
      floatValue('present_key', 1, kvHeads, 'T', headDim),
      floatValue('present_value', 1, kvHeads, 'T', headDim),
    ],
  };
  return {
    ...graph,
    nodes: [
      {
        op: 'GroupQueryAttention',
        domain: 'com.microsoft',
        inputs: graph.inputs.map((input) => input.name),
        outputs: graph.outputs.map((output) => output.name),
        attributes: { num_heads: heads, kv_num_heads: kvHeads },
      },
    ],
  };
}

/** The inputs of {@link gqaGraph}. */
export interface GqaFeeds extends Readonly<Record<string, Feed>> {
  readonly query: Feed;
  readonly key: Feed;
  readonly value: Feed;
  readonly past_key: Feed;
  readonly past_value: Feed;
}

/** Reproducible inputs with `tokens` cached tokens. */
export function randomGqaFeeds(shape: GroupedShape, tokens: number): GqaFeeds {
  const { heads, kvHeads, headDim } = shape;
  return {
    query: random(1, 1, 1, heads * headDim),
    key: random(2, 1, 1, kvHeads * headDim),
    value: random(3, 1, 1, kvHeads * headDim),
    past_key: random(4, 1, kvHeads, tokens, headDim),
    past_value: random(5, 1, kvHeads, tokens, headDim),
    // The operator wants the index of the last token here and the count there.
    seqlens_k: { data: Int32Array.of(tokens), dims: [1] },
    total_sequence_length: { data: Int32Array.of(tokens + 1), dims: [1] },
  };
}

function random(seed: number, ...dims: number[]): Feed {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return { data: randomValues(length, seed), dims };
}

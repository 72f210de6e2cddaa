import type { InferenceSession, Tensor } from 'onnxruntime-web';
import { type CachePiece, stepGraph } from '../../../src/backend/webgpu/graph/step-graph.ts';
import { encodeModel } from '../../../src/backend/webgpu/graph/onnx-model.ts';
import { maskRows } from '../../../src/backend/webgpu/step-feeds.ts';
import { factorLayout } from '../../../src/compute/project.ts';
import { attentionSpec } from '../../../src/format/config/attention-spec.ts';
import { parseConfig } from '../../../src/format/config/config.ts';
import { t6SmallForm } from '../../gpu/forms.ts';
import { randomValues } from '../../random.ts';
import type { Contender } from './contender.ts';
import { promptIds, secondsOf } from './contender.ts';

/** Tokens of a run, and by how many the past is padded. */
const CHUNK = 64;

/**
 * The step of T6-small as a graph on onnxruntime-web's wasm provider, weights as constants of the
 * graph; the past goes in with each step, since that provider keeps nothing between two.
 */
export async function openOnnx(contextLength: number, threads: number): Promise<Contender> {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = threads;
  const { json, mark } = t6SmallForm(contextLength);
  const entry = { ...mark, dtype: 'F32', offset: 0, byteLength: 0 };
  const config = parseConfig(json, new Map([[mark.name, entry]]));
  const { layers, dim, hiddenDim, vocabSize, heads, rotaryDim } = config;
  const { width } = factorLayout(attentionSpec(config), config.rankQ);
  const weights = Array.from({ length: layers }, (_, layer) => [
    { name: `layers.${layer}.projection`, dims: [dim, width] },
    { name: `layers.${layer}.output`, dims: [heads * config.headDim, dim] },
    { name: `layers.${layer}.gate_up`, dims: [dim, 2 * hiddenDim] },
    { name: `layers.${layer}.down`, dims: [hiddenDim, dim] },
  ]).flat();
  weights.push({ name: 'head', dims: [dim, vocabSize] });
  const graph = stepGraph(config, weights, false);
  const initializers = weights.map(({ name, dims }, i) => {
    const scale = Math.sqrt(3 / dims[0]!);
    const data = randomValues(dims[0]! * dims[1]!, i + 1).map((value) => value * scale);
    return { name, dims, data };
  });
  // fields of a message that comes twice are joined: the weights become defaults of their inputs
  const constants = encodeModel({ inputs: [], outputs: [], nodes: [], initializers });
  const model = new Uint8Array(graph.model.length + constants.length);
  model.set(constants);
  model.set(graph.model, constants.length);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['wasm'],
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 4,
  });
  const cache = new Past(layers, graph.pieces, contextLength + CHUNK);
  const table = new Float32Array((CHUNK * rotaryDim) / 2).fill(Math.SQRT1_2);
  const embedding = randomValues(CHUNK * dim, 1);

  const step = async (count: number) => {
    const past = Math.max(CHUNK, Math.ceil(cache.length / CHUNK) * CHUNK);
    const tensor = (data: Float32Array, ...dims: number[]) => new ort.Tensor('float32', data, dims);
    const pastMask = maskRows(1, 1, past, (_, m) => m < cache.length);
    const feeds: Record<string, Tensor> = {
      x: tensor(embedding.subarray(0, count * dim), count, dim),
      cos: tensor(table.subarray(0, (count * rotaryDim) / 2), count, rotaryDim / 2),
      sin: tensor(table.subarray(0, (count * rotaryDim) / 2), count, rotaryDim / 2),
      rows: new ort.Tensor('int32', Int32Array.of(count - 1), [1]),
      mask: tensor(
        maskRows(count, 1, count, (t, m) => m <= t),
        count,
        1,
        count,
      ),
      past_mask: tensor(pastMask, past),
    };
    for (const { name, values } of graph.sizes(count, past)) {
      feeds[name] = new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
    }
    for (const { name, width: numbers, layer, data } of cache.pieces) {
      feeds[`past.${name}.${layer}`] = tensor(data.subarray(0, past * numbers), past, numbers);
    }
    cache.append(await session.run(feeds), count);
  };
  const evaluate = async (tokens: number) => {
    for (let done = 0; done < tokens;) {
      const count = Math.min(CHUNK, tokens - done);
      await step(count);
      done += count;
    }
  };
  return {
    async prefill(tokens) {
      cache.length = 0;
      return secondsOf(() => evaluate(tokens));
    },
    async extend(tokens) {
      const missing = tokens - cache.length;
      return { tokens: missing, seconds: await secondsOf(() => evaluate(missing)) };
    },
    async decode(tokens) {
      const { length } = cache;
      const seconds = await secondsOf(async () => {
        for (const _ of promptIds(tokens)) await step(1);
      });
      cache.length = length;
      return seconds / tokens;
    },
    dispose: () => session.release(),
  };
}

/** The factors of the tokens so far, by layer and piece, with room for a context. */
class Past {
  length = 0;
  readonly pieces: readonly (CachePiece & { layer: number; data: Float32Array })[];

  constructor(layers: number, pieces: readonly CachePiece[], tokens: number) {
    this.pieces = Array.from({ length: layers }, (_, layer) =>
      pieces.map((piece) => ({ ...piece, layer, data: new Float32Array(tokens * piece.width) })),
    ).flat();
  }

  /** Keeps the new factors (layers, count, width) of a step. */
  append(outputs: InferenceSession.OnnxValueMapType, count: number): void {
    for (const { name, width, layer, data } of this.pieces) {
      const fresh = outputs[`new.${name}`]!.data as Float32Array;
      const from = layer * count * width;
      data.set(fresh.subarray(from, from + count * width), this.length * width);
    }
    this.length += count;
  }
}

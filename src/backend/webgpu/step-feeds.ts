import type { ModelConfig } from '../../format/config/model-config.ts';
import type { StepInputs } from '../../model/step-inputs.ts';
import type { RotationRows } from '../op-gpu.ts';
import type { GpuDevice } from './client/device.ts';
import type { SizeInput } from './graph/graph-builder.ts';
import type { StepGraph } from './graph/step-graph.ts';
import type { Feed } from './protocol.ts';

/** What a step on the device computes with. */
export interface GpuNetwork {
  readonly device: GpuDevice;
  readonly config: ModelConfig;
  readonly graph: StepGraph;
  /** Embeddings and tables of positions, which the CPU makes. */
  readonly inputs: StepInputs;
  /** Tokens that a sequence can hold: what a buffer of the device can, at most the model's. */
  readonly contextLength: number;
  /** Tokens of one run at most. */
  readonly maxChunk: number;
  /** Bytes of one buffer at most. */
  readonly maxBytes: number;
  /** An id for a buffer. */
  nextBuffer(): number;
  /** Told how many bytes a forward has read back. */
  onRead(bytes: number): void;
}

/** Added to the logits of what a token must not see: exp of it is 0, and no sum of two overflows. */
export const HIDDEN = -1e30;

/** What a step of new tokens feeds besides weights and cache. */
export function stepFeeds(
  network: GpuNetwork,
  ids: readonly number[],
  position: number,
  past: number,
  rows: 'last' | 'all',
): { feeds: Feed[]; rotation: RotationRows } {
  const { config, graph, inputs } = network;
  const { dim, rotaryDim } = config;
  const count = ids.length;
  const rotation = rotationRows(network, position, count);
  const wanted = rows === 'all' ? Int32Array.from(ids.keys()) : Int32Array.of(count - 1);
  const table = [count, rotaryDim / 2];
  return {
    rotation,
    feeds: [
      floatFeed('x', [count, dim], inputs.embed(ids)),
      floatFeed('cos', table, rotation.cos),
      floatFeed('sin', table, rotation.sin),
      { name: 'rows', type: 'int32', dims: [wanted.length], data: wanted },
      ...masks(network, position, count, past),
      ...sizeFeeds(graph.sizes(count, past)),
    ],
  };
}

/** Tables of positions `position …` of a model. */
export function rotationRows(
  { config: { ropeDirection }, inputs }: GpuNetwork,
  position: number,
  count: number,
): RotationRows {
  return tableRows(inputs.rope(position, count), ropeDirection);
}

/** Tables as graphs rotate by: the operator's direction is that of Hugging Face LLaMA, -1. */
export function tableRows({ cos, sin }: RotationRows, direction: number): RotationRows {
  return { cos, sin: direction === 1 ? sin.map((sine) => -sine) : sin };
}

/** Rows (count · rows, width) of 0 where token t sees m, else HIDDEN. */
export function maskRows(
  count: number,
  rows: number,
  width: number,
  isSeen: (t: number, m: number) => boolean,
): Float32Array {
  const out = new Float32Array(count * rows * width);
  for (let t = 0; t < count; t++) {
    const row = out.subarray(t * rows * width, (t * rows + 1) * width);
    for (let m = 0; m < width; m++) row[m] = isSeen(t, m) ? 0 : HIDDEN;
    for (let r = 1; r < rows; r++) out.set(row, (t * rows + r) * width);
  }
  return out;
}

/** A float32 input from numbers. */
export function floatFeed(name: string, dims: readonly number[], data: Float32Array): Feed {
  return { name, type: 'float32', dims, data };
}

/** The size inputs of a graph. */
export function sizeFeeds(sizes: readonly SizeInput[]): Feed[] {
  return sizes.map(({ name, values }) => ({
    name,
    type: 'int64',
    dims: [values.length],
    data: BigInt64Array.from(values, BigInt),
  }));
}

function masks(
  { config: { slidingWindow, layers }, graph }: GpuNetwork,
  position: number,
  count: number,
  past: number,
): Feed[] {
  const { rowsPerToken } = graph;
  const dims = rowsPerToken === 0 ? [count, 1, count] : [count * rowsPerToken, count];
  const rows = Math.max(rowsPerToken, 1);
  const feeds: Feed[] = [];
  if (slidingWindow === undefined || slidingWindow.firstLayer > 0) {
    const causal = maskRows(count, rows, count, (t, m) => m <= t);
    feeds.push(floatFeed('mask', dims, causal));
  }
  if (slidingWindow !== undefined && slidingWindow.firstLayer < layers) {
    const { size } = slidingWindow;
    const isSeen = (t: number, m: number) => m <= t && t - m < size;
    feeds.push(floatFeed('window_mask', dims, maskRows(count, rows, count, isSeen)));
    const isPastSeen = (t: number, m: number) => m < position && position + t - m < size;
    const seen = maskRows(count, rows, past, isPastSeen);
    feeds.push(floatFeed('window_past_mask', [count * rows, past], seen));
  }
  return feeds;
}

import { TpaError } from '../../base/errors.ts';
import { roundToFloat16 } from '../../format/tensors/round-half.ts';
import { namedMatrices, type NamedMatrix } from '../../weights/named-matrix.ts';
import type { Network } from '../../model/forward.ts';
import { StepInputs } from '../../model/step-inputs.ts';
import type { FactorSequence, GpuBackend } from '../backend.ts';
import type { GpuDevice } from './client/device.ts';
import { cachedTokens } from './gpu-cache.ts';
import { GpuSequence } from './gpu-sequence.ts';
import type { Feed, StartReport } from './protocol.ts';
import type { GpuNetwork } from './step-feeds.ts';
import { stepGraph } from './graph/step-graph.ts';
import { codeInputs, isHalfWeight } from './graph/weight-inputs.ts';
import { type CodeArrays, type CodeSpec, codeSpecOf, hasCodes, readCodes } from './matrix-codes.ts';
import { multipliesCodes } from './codes-probe.ts';

/**
 * Tokens of a call: enough that weights are read once for many, few enough that a submission stays
 * under the watchdogs of browsers.
 */
const MAX_CHUNK = 256;

/** What a model is made of on the CPU. */
export type CpuParts = Omit<Network, 'workspace'>;

/** A model on the device of a worker. */
export class OrtGpuBackend implements GpuBackend {
  readonly maxChunk: number;
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly dtype: GpuBackend['dtype'];
  readonly version: string;
  readonly lost: Promise<string>;
  readonly #sequences = new Set<GpuSequence>();
  readonly #network: GpuNetwork;
  #bytesRead = 0;
  #isDisposed = false;

  private constructor(
    network: Omit<GpuNetwork, 'onRead'>,
    report: StartReport,
    dtype: GpuBackend['dtype'],
  ) {
    const { config, device } = network;
    this.#network = { ...network, onRead: (bytes) => (this.#bytesRead = bytes) };
    this.maxChunk = Math.min(network.maxChunk, network.contextLength);
    this.contextLength = network.contextLength;
    this.vocabSize = config.vocabSize;
    this.adapter = report.adapter;
    this.isSoftware = report.isSoftware;
    this.dtype = dtype;
    this.version = report.version;
    this.lost = device.lost;
  }

  /**
   * Compiles the step of the model and brings the weights to the device, one at a time.
   *
   * @param device started
   * @throws TpaError `MODEL_UNSUPPORTED`, `BACKEND_UNAVAILABLE`, `GPU_OUT_OF_MEMORY`, `GPU_LOST`,
   *   `OUT_OF_MEMORY`
   */
  static async create(
    { compute, config, weights }: CpuParts,
    device: GpuDevice,
    report: StartReport,
    asksHalf: boolean,
  ): Promise<OrtGpuBackend> {
    const named = namedMatrices(compute, config, weights, report.maxBytes);
    const isQuantized = named.some(hasCodes);
    const keepsCodes = isQuantized && (await multipliesCodes(device));
    // without codes float16 takes half the room of float32, and rounds less than the codes did
    const isHalf = asksHalf || (isQuantized && !keepsCodes && report.hasHalf);
    const matrices = named.map((matrix) => {
      const codes = keepsCodes ? codeSpecOf(matrix) : undefined;
      return codes === undefined ? matrix : { ...matrix, codes };
    });
    const graph = stepGraph(config, matrices, isHalf);
    await device.ask('compile', { graph: 'step', model: graph.model });
    let buffers = 0;
    const nextBuffer = () => buffers++;
    const feeds: Feed[] = [];
    for (const matrix of matrices) {
      if ('codes' in matrix) feeds.push(...(await uploadCodes(device, matrix, nextBuffer)));
      else feeds.push(await upload(device, matrix, nextBuffer(), isHalf && isHalfWeight(matrix)));
    }
    await device.ask('bind', { graph: 'step', feeds });
    const inputs = new StepInputs(compute, config, weights, MAX_CHUNK);
    const { maxBytes } = report;
    // the scores of one token are as much of a limit as the widest piece
    const columns = [...graph.pieces, { width: graph.scoreNumbers }];
    const contextLength = Math.min(config.contextLength, cachedTokens(columns, maxBytes));
    return new OrtGpuBackend(
      { device, config, graph, inputs, contextLength, maxChunk: MAX_CHUNK, maxBytes, nextBuffer },
      report,
      isHalf ? 'float16' : keepsCodes ? 'quantized' : 'float32',
    );
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  createSequence(): FactorSequence {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the GPU is closed');
    return new GpuSequence(this.#network, this.#sequences);
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#network.device.close();
    for (const sequence of this.#sequences) sequence.dispose();
    this.#network.inputs.dispose();
  }
}

/** Brings the codes of one weight to the device, and what they are scaled and moved by. */
async function uploadCodes(
  device: GpuDevice,
  matrix: NamedMatrix & { readonly codes: CodeSpec },
  nextBuffer: () => number,
): Promise<Feed[]> {
  const arrays = readCodes(matrix);
  const feeds: Feed[] = [];
  for (const [part, input] of Object.entries(codeInputs(matrix))) {
    if (part === 'offsets' && !matrix.codes.hasOffsets) continue;
    const data = arrays[part as keyof CodeArrays];
    const buffer = nextBuffer();
    await device.ask('allocate', { buffers: [{ buffer, bytes: data.byteLength }] });
    await device.ask('write', { writes: [{ buffer, at: 0, data }] }, [data.buffer]);
    feeds.push({ ...input, buffer });
  }
  return feeds;
}

/** Brings one weight to the device; it is on the JavaScript heap once, and not longer. */
async function upload(
  device: GpuDevice,
  { name, dims, read }: NamedMatrix,
  buffer: number,
  isHalf: boolean,
): Promise<Feed> {
  const numbers = dims.reduce((product, dim) => product * dim, 1);
  await device.ask('allocate', { buffers: [{ buffer, bytes: numbers * (isHalf ? 2 : 4) }] });
  const values = read();
  const data = isHalf ? roundToFloat16(values) : values;
  await device.ask('write', { writes: [{ buffer, at: 0, data }] }, [data.buffer as ArrayBuffer]);
  return { name, type: isHalf ? 'float16' : 'float32', dims, buffer };
}

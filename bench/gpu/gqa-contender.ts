import { GpuDevice } from '../../src/backend/webgpu/client/device.ts';
import type { Feed, StartOptions } from '../../src/backend/webgpu/protocol.ts';
import { spawnWorker } from '../../src/backend/webgpu/client/worker-port.ts';
import { namedMatrices } from '../../src/weights/named-matrix.ts';
import { StepInputs } from '../../src/model/step-inputs.ts';
import { randomValues } from '../random.ts';
import { type Contender, STEP_ID } from './contender.ts';
import { gqaModelGraph, gqaTables, SIDES } from './gqa-model.ts';
import type { LoadedModel } from './random-model.ts';

/** Tokens of a call, as many as the TPA side takes. */
const MAX_CHUNK = 256;
/** The cache has room for whole blocks, like that of the TPA side. */
const BLOCK = 64;
const GRAPH = 'gqa';

/** A model with K/V heads on a device of its own, attention by onnxruntime's GroupQueryAttention. */
export class GqaContender implements Contender {
  readonly name: string;
  readonly #model: LoadedModel;
  readonly #device: GpuDevice;
  readonly #inputs: StepInputs;
  /** Ids of cache buffers: side by side, layer by layer. */
  readonly #cache: readonly { readonly name: string; readonly buffer: number }[];
  #capacity = 0;
  #length = 0;
  #bytesRead = 0;

  private constructor(name: string, model: LoadedModel, device: GpuDevice, firstBuffer: number) {
    const { compute, config, weights } = model;
    this.name = name;
    this.#model = model;
    this.#device = device;
    this.#inputs = new StepInputs(compute, config, weights, MAX_CHUNK);
    this.#cache = SIDES.flatMap((side, i) =>
      Array.from({ length: config.layers }, (_, layer) => ({
        name: `past.${side}.${layer}`,
        buffer: firstBuffer + i * config.layers + layer,
      })),
    );
  }

  /** Compiles the model and brings its weights to the device. @throws TpaError if there is none */
  static async open(
    name: string,
    model: LoadedModel,
    worker: URL,
    options: StartOptions,
  ): Promise<GqaContender> {
    const device = await GpuDevice.open((events) => spawnWorker(worker, events));
    const { maxBytes } = await device.ask('start', options);
    const { compute, config, weights } = model;
    const matrices = namedMatrices(compute, config, weights, maxBytes);
    await device.ask('compile', { graph: GRAPH, model: gqaModelGraph(config, matrices) });
    const feeds: Feed[] = [];
    for (const { name: feed, dims, read } of matrices) {
      feeds.push(await upload(device, feeds.length, feed, dims, read()));
    }
    const contender = new GqaContender(name, model, device, feeds.length + 2);
    const { cos, sin } = contender.#tables();
    const dims = [config.contextLength, config.headDim / 2];
    feeds.push(await upload(device, feeds.length, 'cos_cache', dims, cos));
    feeds.push(await upload(device, feeds.length, 'sin_cache', dims, sin));
    await device.ask('bind', { graph: GRAPH, feeds });
    return contender;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  async prefill(ids: readonly number[]): Promise<Float32Array> {
    await this.#reserve(ids.length);
    this.#length = 0;
    let logits: Float32Array = new Float32Array(0);
    for (let at = 0; at < ids.length; at += MAX_CHUNK) {
      logits = await this.#forward(ids.slice(at, at + MAX_CHUNK));
    }
    return logits;
  }

  /** @param room tokens that the cache has room for */
  async fill(tokens: number, room = tokens + 1): Promise<void> {
    await this.#reserve(room);
    const { kvHeads, headDim } = this.#model.config;
    const data = randomValues(kvHeads * this.#capacity * headDim, tokens);
    for (const { buffer } of this.#cache) {
      await this.#device.ask('write', { writes: [{ buffer, at: 0, data }] });
    }
    this.#length = tokens;
  }

  async step(): Promise<Float32Array> {
    const length = this.#length;
    const logits = await this.#forward([STEP_ID]);
    this.#bytesRead = logits.byteLength;
    this.#length = length;
    return logits;
  }

  dispose(): void {
    this.#device.close();
    this.#inputs.dispose();
  }

  async #forward(ids: readonly number[]): Promise<Float32Array> {
    const { dim } = this.#model.config;
    const total = this.#length + ids.length;
    const read = await this.#device.ask('run', {
      graph: GRAPH,
      feeds: [
        { name: 'x', type: 'float32', dims: [ids.length, dim], data: this.#inputs.embed(ids) },
        integer('rows', ids.length - 1),
        integer('seqlens_k', total - 1),
        integer('total_sequence_length', total),
      ],
      writes: [],
      copies: [],
      read: ['logits'],
    });
    this.#length = total;
    return read[0]!;
  }

  /** A cache of exactly so many whole blocks: the operator may not pay for room it does not use. */
  async #reserve(tokens: number): Promise<void> {
    const capacity = Math.ceil(tokens / BLOCK) * BLOCK;
    if (capacity === this.#capacity) return;
    const { kvHeads, headDim } = this.#model.config;
    const bytes = kvHeads * capacity * headDim * 4;
    await this.#device.ask('free', { buffers: this.#cache.map(({ buffer }) => buffer) });
    await this.#device.ask('allocate', {
      buffers: this.#cache.map(({ buffer }) => ({ buffer, bytes })),
    });
    await this.#device.ask('bind', {
      graph: GRAPH,
      feeds: this.#cache.map(({ name, buffer }) => ({
        name,
        type: 'float32',
        dims: [1, kvHeads, capacity, headDim],
        buffer,
      })),
    });
    this.#capacity = capacity;
  }

  /** Tables of every position of the context. */
  #tables() {
    const { config } = this.#model;
    const { contextLength, headDim } = config;
    const pairs = headDim / 2;
    const cos = new Float32Array(contextLength * pairs);
    const sin = new Float32Array(contextLength * pairs);
    for (let at = 0; at < contextLength; at += MAX_CHUNK) {
      const part = this.#inputs.rope(at, Math.min(MAX_CHUNK, contextLength - at));
      cos.set(part.cos, at * pairs);
      sin.set(part.sin, at * pairs);
    }
    return gqaTables(config, { cos, sin });
  }
}

async function upload(
  device: GpuDevice,
  buffer: number,
  name: string,
  dims: readonly number[],
  data: Float32Array,
): Promise<Feed> {
  await device.ask('allocate', { buffers: [{ buffer, bytes: data.byteLength }] });
  const transfer = [data.buffer as ArrayBuffer];
  await device.ask('write', { writes: [{ buffer, at: 0, data }] }, transfer);
  return { name, type: 'float32', dims, buffer };
}

function integer(name: string, value: number): Feed {
  return { name, type: 'int32', dims: [1], data: Int32Array.of(value) };
}

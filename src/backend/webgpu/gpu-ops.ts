import { bytesOf } from '../../layout/numbers.ts';
import { TpaError, unavailable } from '../../base/errors.ts';
import type { AttendTask, FactorizeTask, FactorMirror, OpGpu, RotationRows } from '../op-gpu.ts';
import { PAST_BLOCK, scoreNumbers } from './graph/attention-graph.ts';
import type { GpuDevice } from './client/device.ts';
import { cachedTokens, GpuCache } from './gpu-cache.ts';
import type { BuiltGraph, SizeInput } from './graph/graph-builder.ts';
import { attendOpGraph, factorizeGraph, type OpGraphPlan } from './graph/op-graphs.ts';
import type { Feed, StartReport } from './protocol.ts';
import { floatFeed, maskRows, sizeFeeds, tableRows } from './step-feeds.ts';
import { cachePieces } from './graph/step-graph.ts';

/** Tokens of a cache that go to the device in one message. */
const COPIED_TOKENS = 1024;

/** The operations on the device of a worker; graphs are compiled when a shape is first seen. */
export class OrtOpGpu implements OpGpu {
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly version: string;
  readonly lost: Promise<string>;
  readonly #device: GpuDevice;
  readonly #maxBytes: number;
  /** By key: what was compiled, or why it was refused. */
  readonly #graphs = new Map<string, BuiltGraph | TpaError>();
  readonly #caches = new WeakMap<object, GpuCache>();
  #buffers = 0;

  /** @param device started */
  constructor(device: GpuDevice, { adapter, isSoftware, version, maxBytes }: StartReport) {
    this.adapter = adapter;
    this.isSoftware = isSoftware;
    this.version = version;
    this.lost = device.lost;
    this.#device = device;
    this.#maxBytes = maxBytes;
  }

  async factorize(task: FactorizeTask, tables: RotationRows): Promise<Float32Array> {
    const { spec, rotation, pieces, x, count } = task;
    const { dim, rankQ, headDim } = spec;
    const { rotaryDim, direction } = rotation;
    const plan = factorizeGraph({ ...spec, valueDim: headDim }, rankQ, dim, rotaryDim);
    const bytes = Math.max(x.byteLength, ...pieces.map(({ byteLength }) => byteLength));
    if (bytes > this.#maxBytes) throw tooLarge(`${bytes} bytes`, this.#maxBytes);
    const graph = await this.#compile(plan);
    const { cos, sin } = tableRows(tables, direction);
    return this.#run(plan.key, graph.sizes(count, 0), 'rows', [
      floatFeed('x', [count, dim], x),
      floatFeed('cos', [count, rotaryDim / 2], cos),
      floatFeed('sin', [count, rotaryDim / 2], sin),
      ...pieces.map((data, i) => floatFeed(`weight.${i}`, [data.length / dim, dim], data)),
    ]);
  }

  async attend(task: AttendTask, mirror: FactorMirror): Promise<Float32Array> {
    const { spec, rankQ, a, b, count, length } = task;
    const { heads, headDim, valueDim, rankK, headFactors } = spec;
    // first of all: what is refused below must not leave a copy that is taken for right later
    this.#caches.get(mirror.owner)?.truncate(mirror.unchanged);
    const limit = cachedTokens(cachePieces(spec), this.#maxBytes);
    if (length > limit) throw tooLarge(`${length} tokens of a cache`, limit);
    const plan = attendOpGraph(spec, rankQ);
    const graph = await this.#compile(plan);
    const cache = await this.#copy(task, mirror);
    const past = cache.pastOf(length);
    const isDense = headFactors === 'groups';
    const perQuery = bytesOf(scoreNumbers(spec, rankQ) * past);
    const most = Math.max(1, Math.floor(this.#maxBytes / perQuery));
    const out = new Float32Array(count * heads * valueDim);
    for (let done = 0; done < count; done += most) {
      const step = Math.min(most, count - done);
      const cut = (x: Float32Array) =>
        x.subarray((done * x.length) / count, ((done + step) * x.length) / count);
      const isFull = rankQ === 0;
      const queries = [
        ...(isFull ? [] : [floatFeed('aq', [step, heads, rankQ], cut(a))]),
        floatFeed('bq', [step, isFull ? heads : rankQ, headDim], cut(isFull ? a : b)),
      ];
      const first = length - count + done;
      const { window = Infinity } = spec;
      const isSeen = (t: number, m: number) => m <= first + t && first + t - m < window;
      const rows = isDense ? heads / rankK : 1;
      const mask = maskRows(step, rows, past, isSeen);
      const dims = isDense ? [step * rows, past] : [step, 1, past];
      const found = await this.#run(plan.key, graph.sizes(step, past), 'out', [
        ...queries,
        floatFeed('mask', dims, mask),
        ...cache.feeds(past),
      ]);
      out.set(found, done * heads * valueDim);
    }
    return out;
  }

  forget(owner: object): void {
    this.#caches.get(owner)?.dispose();
    this.#caches.delete(owner);
  }

  dispose(): void {
    this.#device.close();
  }

  /** @throws TpaError `BACKEND_UNAVAILABLE` for a graph that is refused, at once the second time */
  async #compile({ key, build }: OpGraphPlan): Promise<BuiltGraph> {
    const known = this.#graphs.get(key);
    if (known instanceof TpaError) throw known;
    if (known !== undefined) return known;
    const graph = build();
    try {
      await this.#device.ask('compile', { graph: key, model: graph.model });
    } catch (error) {
      if (error instanceof TpaError) this.#graphs.set(key, error);
      throw error;
    }
    this.#graphs.set(key, graph);
    return graph;
  }

  async #run(
    graph: string,
    sizes: readonly SizeInput[],
    output: string,
    feeds: readonly Feed[],
  ): Promise<Float32Array> {
    const [found] = await this.#device.ask('run', {
      graph,
      feeds: [...feeds, ...sizeFeeds(sizes)],
      writes: [],
      copies: [],
      read: [output],
    });
    return found!;
  }

  /** The cache on the device, up to date. */
  async #copy({ spec, length }: AttendTask, mirror: FactorMirror): Promise<GpuCache> {
    let cache = this.#caches.get(mirror.owner);
    if (cache === undefined) {
      cache = new GpuCache({
        device: this.#device,
        layers: 1,
        pieces: cachePieces(spec),
        contextLength: cachedTokens(cachePieces(spec), this.#maxBytes),
        hasMask: false,
        nextBuffer: () => this.#buffers++,
      });
      this.#caches.set(mirror.owner, cache);
      await cache.reserve(PAST_BLOCK);
    }
    while (cache.length < length) {
      const count = Math.min(COPIED_TOKENS, length - cache.length);
      await cache.load(mirror.read(cache.length, count));
    }
    return cache;
  }
}

/** What no buffer of the device can hold is the CPU's. */
function tooLarge(needed: string, limit: number): TpaError {
  return unavailable(`the GPU takes at most ${limit}, not ${needed}`);
}

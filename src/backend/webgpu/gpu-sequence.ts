import { TpaError } from '../../base/errors.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';
import type { FactorSequence } from '../backend.ts';
import { GpuCache, putPiece } from './gpu-cache.ts';
import { type GpuNetwork, rotationRows, stepFeeds } from './step-feeds.ts';

/** What came of the last step. */
interface Fresh {
  readonly start: number;
  readonly count: number;
  /** (layers, count, numbers) */
  readonly factors: Float32Array;
}

/** A sequence on the device; its factors are a copy of the CPU's. */
export class GpuSequence implements FactorSequence {
  readonly #network: GpuNetwork;
  readonly #siblings: Set<GpuSequence>;
  readonly #cache: GpuCache;
  #fresh: Fresh | undefined;
  #isDisposed = false;

  constructor(network: GpuNetwork, siblings: Set<GpuSequence>) {
    this.#network = network;
    this.#siblings = siblings;
    const { device, graph, config } = network;
    const { layers, rotaryDim, slidingWindow } = config;
    this.#cache = new GpuCache({
      device,
      layers,
      contextLength: network.contextLength,
      pieces: graph.pieces,
      // where every layer has a window, the graph has no other mask
      hasMask: slidingWindow?.firstLayer !== 0,
      ...(graph.rotatesPast
        ? {
            tables: { pairs: rotaryDim / 2, rows: (at, count) => rotationRows(network, at, count) },
          }
        : {}),
      nextBuffer: () => network.nextBuffer(),
    });
    siblings.add(this);
  }

  get length(): number {
    return this.#cache.length;
  }

  async forward(all: readonly number[], rows: 'last' | 'all' = 'last'): Promise<Float32Array> {
    this.#use();
    const { config, maxBytes, maxChunk, graph, onRead } = this.#network;
    const { length: start } = this;
    const most = Math.min(all.length, maxChunk);
    const seen = this.#cache.pastOf(start) + most;
    const limit = tokensThatFit(config, graph.scoreNumbers, seen, maxBytes, rows);
    const ids = all.slice(0, Math.min(most, limit));
    const [logits, ...pieces] = await this.#step(ids, rows);
    this.#fresh = { start, count: ids.length, factors: this.#gather(pieces, ids.length) };
    onRead(pieces.reduce((sum, { byteLength }) => sum + byteLength, logits!.byteLength));
    return logits!;
  }

  async readFactors(start: number, count: number): Promise<Float32Array> {
    this.#use();
    const fresh = this.#fresh;
    if (fresh?.start === start && fresh.count === count) return fresh.factors.slice();
    return this.#cache.read(start, count);
  }

  async loadFactors(factors: Float32Array): Promise<void> {
    this.#use();
    await this.#cache.load(factors);
  }

  truncate(length: number): void {
    this.#use();
    this.#cache.truncate(length);
    if (this.#fresh !== undefined && this.#fresh.start + this.#fresh.count > length) {
      this.#fresh = undefined;
    }
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#siblings.delete(this);
    this.#fresh = undefined;
    this.#cache.dispose();
  }

  /** Logits, then the new pieces (layers, count, width). */
  async #step(ids: readonly number[], rows: 'last' | 'all'): Promise<Float32Array[]> {
    const { device, graph } = this.#network;
    const { length } = this;
    await this.#cache.reserve(length + ids.length);
    const past = this.#cache.pastOf(length);
    const step = stepFeeds(this.#network, ids, length, past, rows);
    const read = await device.ask('run', {
      graph: 'step',
      feeds: [...step.feeds, ...this.#cache.feeds(past)],
      writes: this.#cache.takeWrites(),
      copies: this.#cache.copies(ids.length),
      read: ['logits', ...graph.pieces.map(({ name }) => `new.${name}`)],
    });
    this.#cache.commit(ids.length, step.rotation);
    return read;
  }

  /** (layers, count, numbers) from pieces (layers, count, width). */
  #gather(found: readonly Float32Array[], count: number): Float32Array {
    const { graph, config } = this.#network;
    const out = new Float32Array(config.layers * count * graph.numbers);
    for (const [i, piece] of graph.pieces.entries())
      putPiece(out, graph.numbers, 0, found[i]!, piece);
    return out;
  }

  #use(): void {
    if (this.#isDisposed) throw new TpaError('DISPOSED', 'the sequence is disposed');
  }
}

/** New tokens of one run, that see `seen` tokens each, whose largest tensor stays within a buffer; at least one. */
function tokensThatFit(
  { vocabSize, hiddenDim }: ModelConfig,
  scoreNumbers: number,
  seen: number,
  maxBytes: number,
  rows: 'last' | 'all',
): number {
  const perToken = Math.max(scoreNumbers * seen, 2 * hiddenDim, rows === 'all' ? vocabSize : 0);
  return Math.max(1, Math.floor(maxBytes / 4 / perToken));
}

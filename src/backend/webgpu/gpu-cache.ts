import { PAST_BLOCK } from './attention-graph.ts';
import type { GpuNetwork } from './gpu-network.ts';
import type { BufferWrite, Feed, OutputCopy } from './protocol.ts';
import { HIDDEN, type RotationRows, rotationRows } from './step-feeds.ts';

/** A buffer of `width` numbers a token, under the name that the graph knows it by. */
interface Column {
  readonly name: string;
  readonly buffer: number;
  readonly width: number;
  /** Dimensions after the tokens. */
  readonly dims: readonly number[];
}

/** Tokens of tables that the CPU makes at once. */
const TABLE_TOKENS = 48;

/**
 * Factors on the device, a buffer for each piece and layer, with room to grow: a step appends by
 * copies on the device, and no token moves but when the room is used up, half as much again each time.
 */
export class GpuCache {
  readonly #network: GpuNetwork;
  /** By piece, then layer. */
  readonly #pieces: readonly Column[];
  readonly #mask: Column;
  readonly #tables: readonly Column[];
  #capacity = 0;
  #length = 0;
  #writes: BufferWrite[] = [];

  constructor(network: GpuNetwork) {
    const { graph, config } = network;
    const column = (name: string, width: number, dims: readonly number[]): Column => ({
      name,
      buffer: network.nextBuffer(),
      width,
      dims,
    });
    this.#network = network;
    this.#pieces = graph.pieces.flatMap(({ name, width }) =>
      Array.from({ length: config.layers }, (_, layer) =>
        column(`past.${name}.${layer}`, width, [width]),
      ),
    );
    this.#mask = column('past_mask', 1, []);
    const { rotaryDim } = config;
    this.#tables = graph.rotatesPast
      ? ['past_cos', 'past_sin'].map((name) => column(name, rotaryDim, [1, rotaryDim]))
      : [];
  }

  /** Tokens that count. */
  get length(): number {
    return this.#length;
  }

  /** Tokens that the graph sees of a past of `length`: whole blocks, at least one. */
  pastOf(length: number): number {
    return Math.max(1, Math.ceil(length / PAST_BLOCK)) * PAST_BLOCK;
  }

  /** Makes room for `length` tokens. @throws TpaError `GPU_OUT_OF_MEMORY`, `GPU_LOST` */
  async reserve(length: number): Promise<void> {
    const needed = this.pastOf(length);
    if (needed <= this.#capacity) return;
    const { device, config } = this.#network;
    const most = Math.max(needed, this.pastOf(config.contextLength));
    const capacity = Math.min(most, Math.max(needed, this.pastOf(this.#capacity * 1.5)));
    await device.ask('allocate', {
      buffers: this.#columns().map(({ buffer, width }) => ({
        buffer,
        bytes: capacity * width * 4,
      })),
    });
    this.#setMask(this.#capacity, capacity, HIDDEN);
    this.#capacity = capacity;
  }

  /** What the graph takes of it, of a past of so many tokens. */
  feeds(past: number): Feed[] {
    const { slidingWindow } = this.#network.config;
    // where every layer has a window, the graph has no other mask
    const columns = slidingWindow?.firstLayer === 0 ? this.#pieces : [...this.#pieces, this.#mask];
    return [...columns, ...this.#tables].map(({ name, buffer, dims }) => ({
      name,
      type: 'float32',
      dims: [past, ...dims],
      buffer,
    }));
  }

  /** Copies of a step's `count` new tokens, from the stacked outputs to the end of every piece. */
  copies(count: number): OutputCopy[] {
    const { layers } = this.#network.config;
    return this.#pieces.map(({ name, buffer, width }, i) => ({
      output: `new.${name.split('.')[1]}`,
      from: (i % layers) * count * width * 4,
      buffer,
      at: this.#length * width * 4,
      bytes: count * width * 4,
    }));
  }

  /** What is to be written before the next run; given once. */
  takeWrites(): BufferWrite[] {
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  /** Makes `count` tokens that a run has copied count. */
  commit(count: number, { cos, sin }: RotationRows): void {
    this.#setMask(this.#length, this.#length + count, 0);
    for (const [i, { buffer, width }] of this.#tables.entries()) {
      this.#writes.push({ buffer, at: this.#length * width * 4, data: i === 0 ? cos : sin });
    }
    this.#length += count;
  }

  /** Appends factors (layers, count, numbers). @throws TpaError `GPU_OUT_OF_MEMORY`, `GPU_LOST` */
  async load(factors: Float32Array): Promise<void> {
    const { device, graph, config } = this.#network;
    const { numbers, pieces } = graph;
    const count = factors.length / (config.layers * numbers);
    await this.reserve(this.#length + count);
    const writes = this.#pieces.map(({ buffer, width }, i): BufferWrite => {
      const layer = i % config.layers;
      const { at } = pieces[Math.floor(i / config.layers)]!;
      const data = new Float32Array(count * width);
      for (let t = 0; t < count; t++) {
        const from = (layer * count + t) * numbers + at;
        data.set(factors.subarray(from, from + width), t * width);
      }
      return { buffer, at: this.#length * width * 4, data };
    });
    await device.ask('write', { writes });
    for (let done = 0; done < count; done += TABLE_TOKENS) {
      const part = Math.min(TABLE_TOKENS, count - done);
      this.commit(part, rotationRows(this.#network, this.#length, part));
    }
  }

  /** Factors of tokens start … start + count as the device has them: (layers, count, numbers). */
  async read(start: number, count: number): Promise<Float32Array> {
    const { device, graph, config } = this.#network;
    const found = await device.ask('read', {
      parts: this.#pieces.map(({ buffer, width }) => ({
        buffer,
        at: start * width * 4,
        bytes: count * width * 4,
      })),
    });
    const out = new Float32Array(config.layers * count * graph.numbers);
    for (const [i, { width }] of this.#pieces.entries()) {
      const layer = i % config.layers;
      const { at } = graph.pieces[Math.floor(i / config.layers)]!;
      for (let t = 0; t < count; t++) {
        const row = found[i]!.subarray(t * width, (t + 1) * width);
        out.set(row, (layer * count + t) * graph.numbers + at);
      }
    }
    return out;
  }

  /** Forgets the tokens from `length` on. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    this.#setMask(length, this.#length, HIDDEN);
    this.#length = length;
  }

  /** Frees the buffers; nobody waits for it. */
  dispose(): void {
    const buffers = this.#columns().map(({ buffer }) => buffer);
    // a device that is lost has freed them already
    this.#network.device.ask('free', { buffers }).catch(() => {});
    this.#capacity = 0;
  }

  #columns(): Column[] {
    return [...this.#pieces, this.#mask, ...this.#tables];
  }

  #setMask(from: number, to: number, value: number): void {
    const data = new Float32Array(to - from).fill(value);
    this.#writes.push({ buffer: this.#mask.buffer, at: from * 4, data });
  }
}

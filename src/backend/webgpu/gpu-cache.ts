import { bytesOf } from '../../layout/numbers.ts';
import { PAST_BLOCK } from './graph/attention-graph.ts';
import type { GpuDevice } from './client/device.ts';
import type { BufferWrite, Feed, OutputCopy } from './protocol.ts';
import { HIDDEN } from './step-feeds.ts';
import type { RotationRows } from '../op-gpu.ts';
import { type CachePiece, countNumbers } from './graph/step-graph.ts';

/** What a cache on the device holds, and where. */
export interface GpuCacheOptions {
  readonly device: GpuDevice;
  readonly layers: number;
  readonly pieces: readonly CachePiece[];
  /** Tokens that it will ever hold. */
  readonly contextLength: number;
  /** Whether the graph hides what is not filled by `past_mask`; else a mask is fed. */
  readonly hasMask: boolean;
  /** Tables by which keys rotate at attention time; none where keys are cached rotated. */
  readonly tables?: {
    /** Pairs of features that rotate. */
    readonly pairs: number;
    rows(position: number, count: number): RotationRows;
  };
  /** An id for a buffer. */
  nextBuffer(): number;
}

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
 * copies on the device, and tokens move only when the room is used up; it then grows by half.
 */
export class GpuCache {
  readonly #options: GpuCacheOptions;
  /** By piece, then layer. */
  readonly #pieces: readonly Column[];
  readonly #masks: readonly Column[];
  readonly #tables: readonly Column[];
  #capacity = 0;
  #length = 0;
  #writes: BufferWrite[] = [];

  constructor(options: GpuCacheOptions) {
    const { pieces, layers, hasMask, tables } = options;
    const column = (name: string, width: number, dims: readonly number[]): Column => ({
      name,
      buffer: options.nextBuffer(),
      width,
      dims,
    });
    this.#options = options;
    this.#pieces = pieces.flatMap(({ name, width }) =>
      Array.from({ length: layers }, (_, layer) => column(`past.${name}.${layer}`, width, [width])),
    );
    this.#masks = hasMask ? [column('past_mask', 1, [])] : [];
    const table = (name: string, width: number) => column(name, width, [width]);
    this.#tables =
      tables === undefined
        ? []
        : [table('past_cos', tables.pairs), table('past_sin', tables.pairs)];
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
    const { device, contextLength } = this.#options;
    const most = Math.max(needed, this.pastOf(contextLength));
    const capacity = Math.min(most, Math.max(needed, this.pastOf(this.#capacity * 1.5)));
    await device.ask('allocate', {
      buffers: this.#columns().map(({ buffer, width }) => ({
        buffer,
        bytes: bytesOf(capacity * width),
      })),
    });
    this.#setMask(this.#capacity, capacity, HIDDEN);
    this.#capacity = capacity;
  }

  /** Inputs of the graph for a past of `past` tokens. */
  feeds(past: number): Feed[] {
    return this.#columns().map(({ name, buffer, dims }) => ({
      name,
      type: 'float32',
      dims: [past, ...dims],
      buffer,
    }));
  }

  /** Copies of a step's `count` new tokens, from the stacked outputs to the end of every piece. */
  copies(count: number): OutputCopy[] {
    const { layers } = this.#options;
    return this.#pieces.map(({ name, buffer, width }, i) => ({
      output: `new.${name.split('.')[1]}`,
      from: bytesOf((i % layers) * count * width),
      buffer,
      at: bytesOf(this.#length * width),
      bytes: bytesOf(count * width),
    }));
  }

  /** What is to be written before the next run; given once. */
  takeWrites(): BufferWrite[] {
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  /** Makes `count` tokens that a run has copied count. */
  commit(count: number, rotation?: RotationRows): void {
    this.#setMask(this.#length, this.#length + count, 0);
    for (const [i, { buffer, width }] of this.#tables.entries()) {
      const data = i === 0 ? rotation!.cos : rotation!.sin;
      this.#writes.push({ buffer, at: bytesOf(this.#length * width), data });
    }
    this.#length += count;
  }

  /** Appends factors (layers, count, numbers). @throws TpaError `GPU_OUT_OF_MEMORY`, `GPU_LOST` */
  async load(factors: Float32Array): Promise<void> {
    const { device, pieces, layers } = this.#options;
    const numbers = countNumbers(pieces);
    const count = factors.length / (layers * numbers);
    await this.reserve(this.#length + count);
    const writes = this.#pieces.map(({ buffer, width }, i): BufferWrite => {
      const layer = i % layers;
      const { at } = pieces[Math.floor(i / layers)]!;
      const data = new Float32Array(count * width);
      for (let t = 0; t < count; t++) {
        const from = (layer * count + t) * numbers + at;
        data.set(factors.subarray(from, from + width), t * width);
      }
      return { buffer, at: bytesOf(this.#length * width), data };
    });
    await device.ask('write', { writes });
    const step = this.#tables.length === 0 ? count : TABLE_TOKENS;
    for (let done = 0; done < count; done += step) {
      const part = Math.min(step, count - done);
      this.commit(part, this.#options.tables?.rows(this.#length, part));
    }
  }

  /** Factors of tokens start … start + count as the device has them: (layers, count, numbers). */
  async read(start: number, count: number): Promise<Float32Array> {
    const { device, pieces, layers } = this.#options;
    const numbers = countNumbers(pieces);
    const found = await device.ask('read', {
      parts: this.#pieces.map(({ buffer, width }) => ({
        buffer,
        at: bytesOf(start * width),
        bytes: bytesOf(count * width),
      })),
    });
    const out = new Float32Array(layers * count * numbers);
    for (const i of this.#pieces.keys()) {
      const layer = i % layers;
      putPiece(out, numbers, layer * count, found[i]!, pieces[Math.floor(i / layers)]!);
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
    this.#options.device.ask('free', { buffers }).catch(() => {});
    this.#capacity = 0;
  }

  #columns(): Column[] {
    return [...this.#pieces, ...this.#masks, ...this.#tables];
  }

  #setMask(from: number, to: number, value: number): void {
    for (const { buffer } of this.#masks) {
      this.#writes.push({
        buffer,
        at: bytesOf(from),
        data: new Float32Array(to - from).fill(value),
      });
    }
  }
}

/** Writes a piece of some tokens (count, width) to its place in rows of factors, from row `first` on. */
export function putPiece(
  rows: Float32Array,
  numbers: number,
  first: number,
  piece: Float32Array,
  { at, width }: CachePiece,
): void {
  for (let t = 0; t * width < piece.length; t++) {
    rows.set(piece.subarray(t * width, (t + 1) * width), (first + t) * numbers + at);
  }
}

/** Tokens whose widest piece fits a buffer of `maxBytes`, in whole blocks. */
export function cachedTokens(
  pieces: readonly Pick<CachePiece, 'width'>[],
  maxBytes: number,
): number {
  const widest = Math.max(...pieces.map(({ width }) => width));
  return Math.floor(maxBytes / 4 / widest / PAST_BLOCK) * PAST_BLOCK;
}

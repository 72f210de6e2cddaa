import { packedBytes } from '../attention/factors.ts';
import type { TensorSet } from '../format/tensors.ts';
import type { Engine } from '../wasm/engine.ts';
import type { ExpectedTensor, Piece } from './layer-tensors.ts';

/** Told the numbers of weights read so far, and of all; loading goes on when it is done. */
export type WeightsProgress = (loaded: number, total: number) => void | Promise<void>;

/**
 * Rows pass through a buffer of this many numbers (or of one row) on their way into panels, so
 * that the largest tensor is never twice in wasm memory.
 */
const STAGING_NUMBERS = 1 << 18;

/** Brings tensors of a checkpoint into wasm memory, one at a time on the JavaScript heap. */
export class Packer {
  readonly #engine: Engine;
  readonly #tensors: TensorSet;
  readonly #total: number;
  readonly #onProgress: WeightsProgress;
  readonly #stagingNumbers: number;
  readonly #staging: number;
  #loaded = 0;

  /**
   * @param longestRow numbers of the longest row of all tensors
   * @param total numbers of all tensors
   * @throws TpaError `OUT_OF_MEMORY`
   */
  constructor(
    engine: Engine,
    tensors: TensorSet,
    longestRow: number,
    total: number,
    onProgress: WeightsProgress,
  ) {
    this.#engine = engine;
    this.#tensors = tensors;
    this.#total = total;
    this.#onProgress = onProgress;
    this.#stagingNumbers = Math.max(STAGING_NUMBERS, longestRow);
    this.#staging = engine.heap.allocate(this.#stagingNumbers * 4);
  }

  /** The values of a tensor, row-major. */
  async read({ name }: ExpectedTensor): Promise<Float32Array> {
    const values = await this.#tensors.readFloat32(name);
    this.#loaded += values.length;
    await this.#onProgress(this.#loaded, this.#total);
    return values;
  }

  /** Address of a vector as it is. */
  async vector(tensor: ExpectedTensor | undefined): Promise<number> {
    return tensor === undefined ? 0 : this.store(await this.read(tensor));
  }

  /** Address of numbers as they are. */
  store(values: Float32Array): number {
    const { heap } = this.#engine;
    const address = heap.allocate(values.length * 4);
    heap.floats(address, values.length).set(values);
    return address;
  }

  /** Address of biases below each other, padded like the product they are added to; 0 for none. */
  async biases(pieces: readonly Piece[], columns: number): Promise<number> {
    if (pieces.length === 0) return 0;
    const { heap } = this.#engine;
    const address = heap.allocate(columns * 4);
    for (const piece of pieces) {
      const values = await this.read(piece);
      heap.floats(address + piece.at * 4, values.length).set(values);
    }
    return address;
  }

  /** Address of tensors (rows, k) packed below each other as one weight of `columns` rows. */
  async fuse(columns: number, k: number, pieces: readonly Piece[]): Promise<number> {
    const panels = this.#engine.heap.allocate(packedBytes(columns, k));
    for (const piece of pieces) {
      const values = await this.read(piece);
      const rows = values.length / k;
      const { block = rows, step = rows } = piece;
      for (let row = 0; row < rows; row += block) {
        const first = piece.at + (row / block) * step;
        this.pack(panels, values.subarray(row * k, (row + block) * k), first, k);
      }
    }
    return panels;
  }

  /** Address of a weight (columns, k), packed. */
  weight(values: Float32Array, columns: number, k: number): number {
    const panels = this.#engine.heap.allocate(packedBytes(columns, k));
    this.pack(panels, values, 0, k);
    return panels;
  }

  /** Packs rows of k numbers into zeroed panels, as columns first … of the product. */
  pack(panels: number, values: Float32Array, first: number, k: number): void {
    const { heap, kernels } = this.#engine;
    const rows = values.length / k;
    const step = Math.floor(this.#stagingNumbers / k);
    for (let row = 0; row < rows; row += step) {
      const piece = values.subarray(row * k, (row + step) * k);
      heap.floats(this.#staging, piece.length).set(piece);
      kernels.pack(panels, this.#staging, first + row, piece.length / k, k);
    }
  }

  /** Gives the staging buffer back. */
  dispose(): void {
    this.#engine.heap.release(this.#staging);
  }
}

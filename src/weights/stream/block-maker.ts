import { printable, TpaError } from '../../base/errors.ts';
import { decodeBlocks, ERROR_BYTES, quantizeBlocks } from '../../compute/blocks.ts';
import type { Compute } from '../../compute/compute.ts';
import type { BlockType } from '../../format/tensors/block-type.ts';
import { BLOCK, BLOCK_BYTES } from '../../layout/blocks.ts';

/** Tensors whose numbers are not quite those of the file. */
export interface Requantized {
  /** How the file stores them, e.g. `Q6_K`. */
  readonly type: string;
  /** Bits of a code. */
  readonly to: 'q8' | 'q4';
  /**
   * `numbers` are quantised anew, `scales` are products rounded to float16 under codes that stay, and
   * of MLA's W_UK the `transpose` is quantised anew.
   */
  readonly what: 'numbers' | 'scales' | 'transpose';
  /** How many. */
  readonly tensors: number;
  /** Relative error, root of Σ (x − x̂)² / Σ x²; of scales its bound, 2⁻¹¹. */
  readonly error: number;
}

/** What one kind of change has lost so far. */
interface Loss extends Pick<Requantized, 'type' | 'to' | 'what'> {
  readonly tensors: Set<string>;
  squares: number;
  errors: number;
}

/** What is quantised. */
export interface QuantizedPart extends Pick<Requantized, 'type' | 'to' | 'what'> {
  /** The tensor. */
  readonly name: string;
  /** Block of the tensor that comes first, for messages. */
  readonly first: number;
}

/** Rounding to a float16 of 11 bits. */
const ROUNDING = 2 ** -11;
const HALF_EXPONENT = 0x7c00;

/** Makes blocks (layout/blocks.ts) of what files store, and keeps account of what that loses. */
export class BlockMaker {
  readonly #compute: Compute;
  readonly #errors: number;
  readonly #losses = new Map<string, Loss>();

  /** @param errors address of {@link ERROR_BYTES} that nothing else uses */
  constructor(compute: Compute, errors: number) {
    this.#compute = compute;
    this.#errors = errors;
  }

  /**
   * out (count): blocks with the codes of the file.
   *
   * @param from whole blocks of the type
   * @param first block of the tensor that comes first
   * @throws TpaError `WEIGHTS_NONFINITE`
   */
  decode(
    out: number,
    from: number,
    count: number,
    { name, first, type }: { name: string; first: number; type: BlockType },
  ): void {
    const { kind, dtype } = type.packed!;
    const bad = decodeBlocks(this.#compute, out, from, count, kind);
    if (bad >= 0) throw this.#unusable(name, first + bad, out + bad * BLOCK_BYTES);
    // a block of 256 has scales that are products, of its own scale and an integer for each 32
    if (type.blockLength === BLOCK) return;
    this.#lossOf({ type: type.name, to: dtype === 'q4' ? 'q4' : 'q8', what: 'scales', name });
  }

  /**
   * out (rows, ⌈k / 32⌉): blocks of finite numbers `from` (rows, k).
   *
   * @throws TpaError `WEIGHTS_NONFINITE` where numbers are too large for a float16 scale
   */
  quantize(out: number, from: number, rows: number, k: number, part: QuantizedPart): void {
    const { heap } = this.#compute;
    const sums = new Float64Array(heap.bytes(this.#errors, ERROR_BYTES).buffer, this.#errors, 2);
    sums.fill(0);
    const bits = part.to === 'q4' ? 4 : 8;
    const bad = quantizeBlocks(this.#compute, out, from, rows, k, bits, this.#errors);
    if (bad >= 0) throw this.#unusable(part.name, part.first + bad, out + bad * BLOCK_BYTES);
    const [errors = 0, squares = 0] = sums;
    const loss = this.#lossOf(part);
    loss.errors += errors;
    loss.squares += squares;
  }

  /** What has lost something, in the order in which it was met. */
  list(): readonly Requantized[] {
    return Array.from(this.#losses.values(), ({ type, to, what, tensors, squares, errors }) => ({
      type,
      to,
      what,
      tensors: tensors.size,
      error: what === 'scales' ? ROUNDING : Math.sqrt(errors / (squares || 1)),
    }));
  }

  #lossOf({ type, to, what, name }: Omit<QuantizedPart, 'first'>): Loss {
    const key = `${type} ${to} ${what}`;
    const loss = this.#losses.get(key) ?? {
      type,
      to,
      what,
      tensors: new Set(),
      squares: 0,
      errors: 0,
    };
    this.#losses.set(key, loss);
    loss.tensors.add(name);
    return loss;
  }

  /** Which half of a block is no finite number. */
  #badPart(block: number): 'scale' | 'offset' | undefined {
    const bytes = this.#compute.heap.bytes(block + BLOCK, BLOCK_BYTES - BLOCK);
    const isInfinite = (at: number) =>
      ((bytes[at]! | (bytes[at + 1]! << 8)) & HALF_EXPONENT) === HALF_EXPONENT;
    return isInfinite(0) ? 'scale' : isInfinite(2) ? 'offset' : undefined;
  }

  #unusable(name: string, index: number, block: number): TpaError {
    const part = this.#badPart(block) ?? 'scale';
    const tensor = printable(name);
    const message =
      `tensor "${tensor}" block ${index} expected a finite ${part} of at most 65504, what float16 ` +
      `holds, found another; a "dtype" of "f32" takes larger ones`;
    return new TpaError('WEIGHTS_NONFINITE', message, { data: { tensor, block: index, part } });
  }
}

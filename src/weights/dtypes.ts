import type { TensorEntry } from '../format/tensors/safetensors.ts';
import type { WeightDtype } from '../layout/packed-weight.ts';

/** What weights are computed with, as a caller asks for it. */
export type DtypeOption = 'auto' | 'f32' | 'q8' | 'q4';

export const DTYPE_OPTIONS: readonly DtypeOption[] = ['auto', 'f32', 'q8', 'q4'];

/** How a tensor is stored, as far as it decides about the layout of its weight. */
export type StoredType = Pick<TensorEntry, 'dtype' | 'blockType'>;

/**
 * Which layout each matrix takes. `'auto'` keeps what the files have, `'f32'` widens everything,
 * `'q4'` is 4 bits for all. `'q8'` is 8 bits for floats and for types that no layout keeps; codes of
 * 8 bits or fewer stay what they are. Vectors are float32 always.
 */
export class WeightDtypes {
  readonly option: DtypeOption;
  /** Whether all matrices take one layout, whatever their names. */
  readonly isUniform: boolean;
  readonly #entries: ReadonlyMap<string, StoredType>;

  /** @param entries by the names of tensors; what is not among them is of floats */
  constructor(option: DtypeOption = 'auto', entries: ReadonlyMap<string, StoredType> = new Map()) {
    this.option = option;
    this.#entries = entries;
    this.isUniform = !Array.from(entries.values()).some(({ blockType }) => blockType);
  }

  /** Another choice for the same tensors. */
  as(option: DtypeOption): WeightDtypes {
    return new WeightDtypes(option, this.#entries);
  }

  /** The layout of numbers that cannot keep the codes of the file. */
  get requantized(): 'q8' | 'q4' {
    return this.option === 'q4' ? 'q4' : 'q8';
  }

  /**
   * The layout of a weight that tensors of these names are fused into: the narrowest that holds each
   * of them exactly as it would be alone.
   */
  of(names: Iterable<string>): WeightDtype {
    const alone = new Set(Array.from(names, (name) => this.#alone(this.#entries.get(name))));
    const [dtype = 'f32'] = alone;
    if (alone.size === 1) return dtype;
    return alone.has('f32') ? 'f32' : 'q8-offset';
  }

  /** How the file stores a tensor. */
  typeOf(name: string): string {
    return this.#entries.get(name)?.dtype ?? 'F32';
  }

  /** Whether a weight of this layout holds the codes of a tensor as its file has them. */
  keepsCodes(name: string, dtype: WeightDtype): boolean {
    const own = this.#entries.get(name)?.blockType?.packed?.dtype;
    return own !== undefined && (own === dtype || dtype === 'q8-offset');
  }

  #alone(stored: StoredType | undefined): WeightDtype {
    const { option } = this;
    if (option === 'f32' || option === 'q4') return option;
    const blockType = stored?.blockType;
    if (blockType === undefined) return option === 'auto' ? 'f32' : 'q8';
    return blockType.packed?.dtype ?? 'q8';
  }
}

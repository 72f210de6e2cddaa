import { printable } from '../../base/errors.ts';
import { isReadable, type LocatedTensor } from '../../format/tensors/tensors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { kindOf, type PickleDict } from './pickle-values.ts';
import { TorchTensor } from './objects.ts';
import type { TensorEntry } from '../../format/tensors/safetensors.ts';
import type { TorchArchive } from './archive.ts';

/** What wrappers put before the names: torch.compile and data-parallel training. */
const WRAPPER = /^(?:_orig_mod\.|module\.)+/;
/** Tables computed from the configuration, which some models save. */
const BUFFER = /(?:^|\.)(?:inv_freq|cos_cached|sin_cached)$/;
/** The one tensor that may share its storage: the output projection is the embedding. */
const HEAD = 'lm_head.weight';
const EMBEDDING = 'transformer.wte.weight';

/** Tensors of state dicts, in order, and what was left out. */
export class StateDict {
  readonly #tensors = new Map<string, LocatedTensor>();
  readonly #leftOut: string[] = [];

  /** By their names without wrappers. */
  get tensors(): ReadonlyMap<string, LocatedTensor> {
    return this.#tensors;
  }

  /** One sentence for each kind of thing that was left out. */
  get notes(): readonly string[] {
    const buffers = this.#leftOut.filter((name) => name !== HEAD);
    const notes: string[] = [];
    if (buffers.length > 0) {
      notes.push(`left out ${buffers.length} computed buffers such as ${printable(buffers[0]!)}`);
    }
    if (buffers.length < this.#leftOut.length) notes.push(`${HEAD} is ${EMBEDDING}: written once`);
    return notes;
  }

  /**
   * Adds the tensors of one archive.
   *
   * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED`, `WEIGHTS_DUPLICATE_NAME`
   */
  async add(archive: TorchArchive, dict: PickleDict): Promise<void> {
    const entries: TensorEntry[] = [];
    for (const [key, value] of dict.entries) {
      if (typeof key !== 'string') throw invalidCheckpoint('a state dict', 'names', kindOf(key));
      if (!(value instanceof TorchTensor)) {
        throw unsupportedCheckpoint(`"${printable(key)}"`, 'a tensor', kindOf(value));
      }
      const name = key.replace(WRAPPER, '');
      if (BUFFER.test(name)) this.#leftOut.push(name);
      else entries.push(await this.#add(archive, name, value));
    }
    for (const name of overlapping(entries)) {
      this.#tensors.delete(name);
      this.#leftOut.push(name);
    }
  }

  async #add(archive: TorchArchive, name: string, tensor: TorchTensor): Promise<TensorEntry> {
    const subject = `tensor "${printable(name)}"`;
    const { storage, shape } = tensor;
    const { dtype } = storage;
    if (this.#tensors.has(name)) {
      throw invalidCheckpoint(subject, 'once when wrapper prefixes are stripped', 'two');
    }
    if (!isReadable(dtype)) throw unsupportedCheckpoint(subject, 'F32, F16 or BF16', dtype);
    checkContiguous(subject, tensor);
    const length = shape.reduce((product, n) => product * n, 1);
    const first = tensor.offset * storage.elementBytes;
    const byteLength = length * storage.elementBytes;
    // Also refuses what rounding has made of a product beyond 2^53.
    if (!(tensor.offset + length <= storage.length)) {
      const expected = `at most ${storage.length - tensor.offset} elements`;
      throw invalidCheckpoint(subject, expected, length);
    }
    const offset = first + (await archive.locate(storage));
    const entry = { name, dtype, shape, offset, byteLength };
    this.#tensors.set(name, { source: archive.source, entry });
    return entry;
  }
}

/** Only row-major tensors are copied as they lie; a dimension of one element has any stride. */
function checkContiguous(subject: string, { shape, strides }: TorchTensor): void {
  if (shape.includes(0)) return;
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== stride) {
      const found = `strides [${strides.join(', ')}]`;
      throw unsupportedCheckpoint(subject, 'contiguous (save it with .contiguous())', found);
    }
    stride *= shape[i]!;
  }
}

/**
 * The names that are another's bytes again, which only a tied output projection may be: otherwise a
 * small file could ask for any number of copies of a tensor.
 */
function overlapping(entries: readonly TensorEntry[]): string[] {
  const inOrder = entries
    .filter(({ byteLength }) => byteLength > 0)
    .toSorted((a, b) => a.offset - b.offset || Number(a.name === HEAD) - Number(b.name === HEAD));
  const copies: string[] = [];
  let last: TensorEntry | undefined;
  for (const entry of inOrder) {
    const isApart = last === undefined || entry.offset >= last.offset + last.byteLength;
    const isTied =
      entry.name === HEAD &&
      last?.name === EMBEDDING &&
      entry.offset === last.offset &&
      entry.dtype === last.dtype &&
      entry.shape.join() === last.shape.join();
    if (isTied) {
      copies.push(entry.name);
    } else if (isApart) {
      last = entry;
    } else {
      const subject = `tensor "${printable(entry.name)}"`;
      const found = `those of "${printable(last!.name)}"`;
      throw unsupportedCheckpoint(subject, 'elements of its own', found);
    }
  }
  return copies;
}

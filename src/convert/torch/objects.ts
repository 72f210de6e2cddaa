import { printable } from '../../base/errors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../../format/errors.ts';
import { kindOf, PickleDict, PickleGlobal, PickleObject, PickleTuple } from './pickle-values.ts';
import type { PickleValue } from './pickle-values.ts';

/** Elements that lie in one file of the archive. */
export class TorchStorage extends PickleObject {
  override readonly kind = 'a storage';
  /** Name of the file under `data/`. */
  readonly key: string;
  /** By its safetensors name. */
  readonly dtype: string;
  readonly elementBytes: number;
  /** Elements. */
  readonly length: number;

  constructor(key: string, [dtype, elementBytes]: readonly [string, number], length: number) {
    super();
    this.key = key;
    this.dtype = dtype;
    this.elementBytes = elementBytes;
    this.length = length;
  }
}

/** A view of a storage. */
export class TorchTensor extends PickleObject {
  override readonly kind = 'a tensor';
  readonly storage: TorchStorage;
  /** First element in the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];

  constructor(storage: TorchStorage, offset: number, shape: number[], strides: number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const STORAGES: ReadonlyMap<string, readonly [dtype: string, elementBytes: number]> = new Map([
  ['torch.FloatStorage', ['F32', 4]],
  ['torch.HalfStorage', ['F16', 2]],
  ['torch.BFloat16Storage', ['BF16', 2]],
  ['torch.DoubleStorage', ['F64', 8]],
  ['torch.LongStorage', ['I64', 8]],
  ['torch.IntStorage', ['I32', 4]],
  ['torch.ShortStorage', ['I16', 2]],
  ['torch.CharStorage', ['I8', 1]],
  ['torch.ByteStorage', ['U8', 1]],
  ['torch.BoolStorage', ['BOOL', 1]],
]);

const ORDERED_DICT = 'collections.OrderedDict';
const REBUILD_TENSOR = 'torch._utils._rebuild_tensor_v2';
const REBUILD_PARAMETER = 'torch._utils._rebuild_parameter';
const SIZE = 'torch.Size';
const CALLABLES: ReadonlySet<string> = new Set([
  ORDERED_DICT,
  REBUILD_TENSOR,
  REBUILD_PARAMETER,
  SIZE,
]);

/** Weights have 1 or 2 dimensions. */
const MAX_RANK = 8;

/**
 * Makes tensors and OrderedDicts for a pickle of `torch.save`, and refuses every other name, call,
 * argument and id; everything it returns is made by its own code.
 */
export class TorchHost {
  readonly #subject: string;

  constructor(subject: string) {
    this.#subject = subject;
  }

  global(name: string): PickleGlobal {
    if (CALLABLES.has(name) || STORAGES.has(name)) return new PickleGlobal(name);
    const found = `the name "${printable(name)}"`;
    throw unsupportedCheckpoint(this.#subject, 'tensors and plain containers only', found);
  }

  reduce(callable: PickleValue, { items: args }: PickleTuple): PickleValue {
    const name = callable instanceof PickleGlobal ? callable.name : '';
    if (name === REBUILD_TENSOR) return this.#tensor(args);
    if (name === REBUILD_PARAMETER) {
      if (args[0] instanceof TorchTensor) return args[0];
      throw this.#misfit('a parameter to hold a tensor', args[0]);
    }
    if (name === SIZE) {
      if (args[0] instanceof PickleTuple) return args[0];
      throw this.#misfit('a size to hold a tuple', args[0]);
    }
    if (name === ORDERED_DICT) {
      if (args.length === 0) return new PickleDict(true);
      throw this.#misfit('an OrderedDict to be made empty', args[0]);
    }
    const found = `a call of ${name === '' ? kindOf(callable) : name}`;
    throw unsupportedCheckpoint(this.#subject, 'tensors and plain containers only', found);
  }

  persistent(id: PickleValue): PickleValue {
    const [tag, type, key, , length] = id instanceof PickleTuple ? id.items : [];
    const layout = type instanceof PickleGlobal ? STORAGES.get(type.name) : undefined;
    if (tag !== 'storage' || layout === undefined || typeof key !== 'string') {
      throw this.#misfit('a persistent id to be a typed storage', id);
    }
    return new TorchStorage(key, layout, this.#count(length));
  }

  #tensor([storage, offset, size, strides]: readonly PickleValue[]): TorchTensor {
    if (!(storage instanceof TorchStorage)) throw this.#misfit('a tensor of a storage', storage);
    const shape = this.#counts(size);
    const tensor = new TorchTensor(storage, this.#count(offset), shape, this.#counts(strides));
    if (tensor.strides.length === shape.length) return tensor;
    throw this.#misfit(`${shape.length} strides`, strides);
  }

  #counts(value: PickleValue | undefined): number[] {
    if (value instanceof PickleTuple && value.items.length <= MAX_RANK) {
      return value.items.map((item) => this.#count(item));
    }
    throw this.#misfit(`at most ${MAX_RANK} dimensions`, value);
  }

  #count(value: PickleValue | undefined): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#misfit('an integer >= 0', value);
  }

  #misfit(expected: string, found: PickleValue | undefined) {
    return invalidCheckpoint(this.#subject, expected, kindOf(found));
  }
}

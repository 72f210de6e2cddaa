import { checkAbort, TpaError, printable } from '../../base/errors.ts';
import { type ByteSource, readInto } from '../files/byte-source.ts';
import { ELEMENT_BYTES, firstNonFinite, storedBytes, widenInPlace } from './half.ts';
import { INDEX_FILE, missingFile, type ModelFiles, SHARD_NAME } from '../files/model-files.ts';
import { tensorMismatch } from '../errors.ts';
import { dequantizeInPlace, storedBlocks } from './stored-blocks.ts';
import { MAX_TENSORS, readSafetensorsHeader, type TensorEntry } from './safetensors.ts';
import { MAX_SHARDS, readShardIndex } from './shard-index.ts';
import type { BlockType } from './block-type.ts';
import type { TensorDtype } from './half.ts';

/** The tensors of a model, from one file or many; valid until the files are closed. */
export interface TensorSet {
  /** In the order in which they lie in the files, which is the one to read them in. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * Fills `target` with bytes of a tensor as it is stored, in the dtype of its entry. No other
   * array is made where the files can be read into one.
   *
   * @param offset first byte, counted from the start of the tensor
   * @param target in a memory that does not grow meanwhile
   * @throws TpaError `MODEL_MISMATCH` where the tensor is missing, `WEIGHTS_TRUNCATED`, `ABORTED`;
   *   RangeError beyond the end of the tensor
   */
  readStored(name: string, offset: number, target: Uint8Array): Promise<void>;
}

/** A tensor and the file it is in. */
export interface LocatedTensor {
  readonly source: ByteSource;
  readonly entry: TensorEntry;
}

/** Tensors by name, in the order in which they lie in their files. */
export function tensorSet(
  located: ReadonlyMap<string, LocatedTensor>,
  signal?: AbortSignal,
): TensorSet {
  return {
    entries: new Map(Array.from(located, ([name, { entry }]) => [name, entry])),
    async readStored(name, offset, target) {
      checkAbort(signal);
      const tensor = located.get(name);
      if (tensor === undefined) throw tensorMismatch(name, 'in the model', 'none');
      const { source, entry } = tensor;
      const left = entry.byteLength - offset;
      if (target.byteLength > left) {
        throw new RangeError(`"target" expected at most ${left} bytes, got ${target.byteLength}`);
      }
      await readInto(source, entry.offset + offset, target);
    },
  };
}

/** Kernels over the memory that a target lies in. */
export interface FloatKernels {
  /** Whether all numbers of the target are finite. */
  areFinite?(): boolean;
  /** {@link BlockType.dequantize}, both arrays in that memory. */
  dequantize?(type: BlockType, blocks: Uint8Array, out: Float32Array): void;
}

/**
 * Fills `target` with a tensor's elements from `first` on, row-major, made float32 in place.
 *
 * @param first of a tensor stored in blocks the first of one; `target` takes whole blocks
 * @param target in a memory that does not grow meanwhile
 * @param kernels what takes the place of slower functions here
 * @throws TpaError `MODEL_MISMATCH` for an unreadable dtype, `WEIGHTS_NONFINITE`; what
 *   {@link TensorSet.readStored} throws
 */
export async function readFloats(
  tensors: TensorSet,
  name: string,
  first: number,
  target: Float32Array,
  kernels: FloatKernels = {},
): Promise<void> {
  // One that is missing is refused where it is read.
  const { dtype = 'F32', blockType } = tensors.entries.get(name) ?? {};
  if (blockType) {
    const { blockLength, blockBytes } = blockType;
    const blocks = storedBlocks(target, blockType);
    await tensors.readStored(name, (first / blockLength) * blockBytes, blocks);
    dequantizeInPlace(target, blockType, kernels.dequantize);
  } else {
    if (!isReadable(dtype)) throw tensorMismatch(name, READABLE, dtype);
    await tensors.readStored(name, first * ELEMENT_BYTES[dtype], storedBytes(target, dtype));
    widenInPlace(target, dtype);
  }
  if (kernels.areFinite?.() !== true) checkFinite(name, first, target);
}

/**
 * Refuses a NaN or an infinity: one of them makes every logit a NaN.
 *
 * @param first place of the first element in the tensor
 * @throws TpaError `WEIGHTS_NONFINITE`
 */
export function checkFinite(name: string, first: number, elements: Float32Array): void {
  const at = firstNonFinite(elements);
  if (at < 0) return;
  const [tensor, index] = [printable(name), first + at];
  const message = `tensor "${tensor}" is not finite: element ${index} is ${elements[at]}`;
  throw new TpaError('WEIGHTS_NONFINITE', message, { data: { tensor, index } });
}

/** What {@link isReadable} takes, for messages. */
export const READABLE = 'F32, F16 or BF16';

const SINGLE_FILE = 'model.safetensors';
const CONVERTED =
  ': a GGUF file is loaded by its own path or address, PyTorch files are converted first, with tpa convert';

/**
 * Opens `model.safetensors`, else the shards that `model.safetensors.index.json` names, and checks
 * their headers.
 *
 * @throws TpaError `MODEL_NOT_FOUND`, `PATH_ESCAPE`, `MODEL_MISMATCH`, `ABORTED`, any `WEIGHTS_*`
 * @example
 * const files = await openModelFiles('my-model');
 * const tensors = await openTensors(files);
 * const row = new Float32Array(96); // dim numbers
 * await readFloats(tensors, 'transformer.wte.weight', 7 * 96, row); // the embedding of token 7
 * await files.close();
 */
export async function openTensors(files: ModelFiles, signal?: AbortSignal): Promise<TensorSet> {
  const located = new Map<string, LocatedTensor>();
  const addFile = async (source: ByteSource): Promise<void> => {
    checkAbort(signal);
    const header = await readSafetensorsHeader(source);
    const inFileOrder = [...header].toSorted(([, a], [, b]) => a.offset - b.offset);
    for (const [name, entry] of inFileOrder) {
      if (located.has(name)) throw duplicate(name);
      located.set(name, { source, entry });
    }
    if (located.size > MAX_TENSORS) throw tooMany('tensors', MAX_TENSORS);
  };

  checkAbort(signal);
  const single = await files.open(SINGLE_FILE);
  if (single) {
    await addFile(single);
  } else {
    const shardOf = await readIndex(files);
    for (const shard of new Set(shardOf.values())) {
      const source = await files.open(shard);
      if (!source) throw missingFile(files, shard);
      await addFile(source);
    }
    for (const [name, shard] of shardOf) {
      if (located.get(name)?.source.name === shard) continue;
      throw tensorMismatch(name, `in "${shard}"`, 'none');
    }
  }

  return tensorSet(located, signal);
}

/** Whether weights of this dtype can be read. */
export function isReadable(dtype: string): dtype is TensorDtype {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** Tensor name -> shard. */
async function readIndex(files: ModelFiles): Promise<ReadonlyMap<string, string>> {
  const index = await files.open(INDEX_FILE);
  const shardOf = index && (await readShardIndex(index, SHARD_NAME));
  // The error names the file that most models have.
  if (!shardOf?.size) throw missingFile(files, SINGLE_FILE, CONVERTED);
  if (new Set(shardOf.values()).size > MAX_SHARDS) throw tooMany('shards', MAX_SHARDS);
  return shardOf;
}

function duplicate(name: string): TpaError {
  const message = `the tensor "${printable(name)}" is in two shards`;
  const data = { name: printable(name) };
  return new TpaError('WEIGHTS_DUPLICATE_NAME', message, { data });
}

function tooMany(what: string, limit: number): TpaError {
  const message = `the model has more than ${limit} ${what}`;
  return new TpaError('WEIGHTS_TOO_MANY', message, { data: { limit } });
}

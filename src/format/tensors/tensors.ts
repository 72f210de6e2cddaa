import { TpaError } from '../../base/errors.ts';
import { readAll } from '../files/byte-source.ts';
import { ELEMENT_BYTES, firstNonFinite, storedBytes, widenInPlace } from './half.ts';
import { JsonScanner } from './json-scan.ts';
import { missingFile } from '../files/model-files.ts';
import { printable } from '../../base/printable.ts';
import { MAX_TENSORS, readSafetensorsHeader } from './safetensors.ts';
import type { ByteSource } from '../files/byte-source.ts';
import type { TensorDtype } from './half.ts';
import type { ModelFiles } from '../files/model-files.ts';
import type { TensorEntry } from './safetensors.ts';

/** The tensors of a model, from one file or many; valid until the {@link ModelFiles} are closed. */
export interface TensorSet {
  /** In the order in which they lie in the files, which is the one to read them in. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * Fills `target` with a tensor's elements from `first` on, row-major, as float32. No other array
   * is made where the files can be read into one.
   *
   * @param target in a memory that does not grow meanwhile
   * @throws TpaError `MODEL_MISMATCH` where the tensor is missing or of an unreadable dtype,
   *   `WEIGHTS_NONFINITE`, `WEIGHTS_TRUNCATED`, `ABORTED`
   */
  readInto(name: string, first: number, target: Float32Array): Promise<void>;
}

const SINGLE_FILE = 'model.safetensors';
/** Names the shards. */
export const INDEX_FILE = 'model.safetensors.index.json';
/** 65,536 names of 250 bytes. */
const MAX_INDEX_BYTES = 16 * 2 ** 20;
/** The largest published checkpoints have about 200. */
const MAX_SHARDS = 1024;
/** A file of weights. */
export const SHARD_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,240}\.safetensors$/;

/**
 * Opens `model.safetensors`, else the shards that `model.safetensors.index.json` names, and checks
 * their headers.
 *
 * @throws TpaError `MODEL_NOT_FOUND`, `PATH_ESCAPE`, `MODEL_MISMATCH`, `ABORTED`, any `WEIGHTS_*`
 * @example
 * const files = await openModelFiles('models/t6-fairytales');
 * const tensors = await openTensors(files);
 * const row = new Float32Array(192); // dim numbers
 * await tensors.readInto('transformer.wte.weight', 7 * 192, row); // the embedding of token 7
 * await files.close();
 */
export async function openTensors(files: ModelFiles, signal?: AbortSignal): Promise<TensorSet> {
  const located = new Map<string, { source: ByteSource; entry: TensorEntry }>();
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
      if (located.get(name)?.source.name !== shard) throw mismatch(name, `in "${shard}"`, 'none');
    }
  }

  return {
    entries: new Map(Array.from(located, ([name, { entry }]) => [name, entry])),
    async readInto(name, first, target) {
      checkAbort(signal);
      const { source, entry } = located.get(name) ?? {};
      if (!source || !entry) throw mismatch(name, 'in the model', 'none');
      const { dtype } = entry;
      if (!isReadable(dtype)) throw mismatch(name, 'F32, F16 or BF16', dtype);
      const offset = entry.offset + first * ELEMENT_BYTES[dtype];
      const bytes = storedBytes(target, dtype);
      if (source.readInto) await source.readInto(offset, bytes);
      else bytes.set(await source.read(offset, bytes.byteLength));
      widenInPlace(target, dtype);
      const at = firstNonFinite(target);
      if (at < 0) return;
      const [shown, index] = [printable(name), first + at];
      const message = `tensor "${shown}" expected finite values, found ${target[at]} at element ${index}`;
      throw new TpaError('WEIGHTS_NONFINITE', message, { data: { tensor: shown, index } });
    },
  };
}

/** Whether weights of this dtype can be read. */
export function isReadable(dtype: string): dtype is TensorDtype {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** Tensor name -> shard, from the `weight_map` of the index. */
async function readIndex(files: ModelFiles): Promise<ReadonlyMap<string, string>> {
  const index = await files.open(INDEX_FILE);
  // Whoever has neither is told of the file that most models have.
  if (!index) throw missingFile(files, SINGLE_FILE);
  const json = new JsonScanner(await readAll(index, MAX_INDEX_BYTES), INDEX_FILE);
  const shardOf = new Map<string, string>();
  const shards = new Set<string>();
  json.object((key) => {
    if (key !== 'weight_map') return json.skip();
    json.object((name) => {
      const shard = json.string();
      if (!SHARD_NAME.test(shard)) {
        const message = `"${INDEX_FILE}" expected the bare name of a .safetensors file for "${printable(name)}", found another path`;
        throw new TpaError('PATH_ESCAPE', message);
      }
      shardOf.set(name, shard);
      shards.add(shard);
      if (shards.size > MAX_SHARDS) throw tooMany('shards', MAX_SHARDS);
    }, MAX_TENSORS);
  }, MAX_TENSORS);
  json.end();
  if (shards.size === 0) throw missingFile(files, SINGLE_FILE);
  return shardOf;
}

/** Ends a load that was aborted. @throws TpaError `ABORTED` */
export function checkAbort(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new TpaError('ABORTED', 'loading was aborted', { cause: signal.reason });
  }
}

function duplicate(name: string): TpaError {
  const message = `model expected each tensor in one shard, found "${printable(name)}" in two`;
  const data = { name: printable(name) };
  return new TpaError('WEIGHTS_DUPLICATE_NAME', message, { data });
}

function tooMany(what: string, limit: number): TpaError {
  const message = `model expected at most ${limit} ${what}, found more`;
  return new TpaError('WEIGHTS_TOO_MANY', message, { data: { limit } });
}

function mismatch(name: string, expected: string, found: string): TpaError {
  const tensor = printable(name);
  const message = `tensor "${tensor}" expected ${expected}, found ${found}`;
  return new TpaError('MODEL_MISMATCH', message, { data: { tensor, expected, found } });
}

import { printable, TpaError } from '../base/errors.ts';
import { refuseConfig } from '../format/config/fields.ts';
import { MAX_CONFIG_BYTES } from '../format/config/limits.ts';
import { type ByteSource, readAll } from '../format/files/byte-source.ts';
import { parseJson } from '../format/files/json.ts';
import type { ModelFiles } from '../format/files/model-files.ts';
import { readSafetensorsHeader } from '../format/tensors/safetensors.ts';
import { readFloats, type TensorSet, tensorSet } from '../format/tensors/tensors.ts';
import { type AdapterConfig, CONFIG_FILE, readAdapterConfig } from './adapter-config.ts';
import { type AdaptedMatrix, type AdaptedModel, adaptedMatrices } from './adapter-tensors.ts';
import type { LowRank } from './merged-tensors.ts';

/** What was merged into a model. */
export interface AdapterInfo {
  /** The path or address of the adapter, `bytes` for one in memory. */
  readonly source: string;
  /** What the caller has multiplied it by, besides its own α / r. */
  readonly scale: number;
  /** Its rank; some modules may have another. */
  readonly rank: number;
  /** Matrices that it changes. */
  readonly modules: number;
  /** Keys of adapter_config.json that nothing reads. */
  readonly ignoredKeys: readonly string[];
}

/** An adapter whose header fits a model; its numbers are not read yet. */
export interface Adapter {
  readonly info: AdapterInfo;
  /** Names of tensors of the model that it changes; none at a scale of 0. */
  readonly changes: readonly string[];
  /**
   * Its factors, by the names of the model's tensors, read in the order of the file.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED`, `WEIGHTS_NONFINITE`, `ABORTED`
   */
  read(): Promise<ReadonlyMap<string, LowRank>>;
}

export const WEIGHTS_FILE = 'adapter_model.safetensors';

/**
 * Opens an adapter in PEFT's files and checks it against a model.
 *
 * @param label what messages call it
 * @throws TpaError `MODEL_NOT_FOUND`, `CONFIG_INVALID`, `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`,
 *   `RESOURCE_LIMIT`, any `WEIGHTS_*`
 */
export async function openAdapter(
  files: ModelFiles,
  label: string,
  scale: number,
  model: AdaptedModel,
  signal?: AbortSignal,
): Promise<Adapter> {
  const bytes = await readAll(await fileOf(files, CONFIG_FILE, label), MAX_CONFIG_BYTES);
  const config = await readAdapterConfig(parseJson(bytes, refuseConfig(CONFIG_FILE)));
  const source = await fileOf(files, WEIGHTS_FILE, label);
  const header = await readSafetensorsHeader(source);
  const inFileOrder = [...header].toSorted(([, a], [, b]) => a.offset - b.offset);
  const located = new Map(inFileOrder.map(([name, entry]) => [name, { source, entry }]));
  const tensors = tensorSet(located, signal);
  const matrices = adaptedMatrices(label, config, tensors.entries, model);
  const changed = matrices.filter(({ factor }) => scale * factor !== 0);
  return {
    info: infoOf(label, scale, config, matrices),
    changes: changed.map(({ tensor }) => tensor),
    read: () => readFactors(tensors, changed, scale),
  };
}

function infoOf(
  source: string,
  scale: number,
  { rank, ignoredKeys }: AdapterConfig,
  { length: modules }: readonly AdaptedMatrix[],
): AdapterInfo {
  return { source, scale, rank, modules, ignoredKeys };
}

async function readFactors(
  tensors: TensorSet,
  matrices: readonly AdaptedMatrix[],
  scale: number,
): Promise<ReadonlyMap<string, LowRank>> {
  const numbers = new Map<string, Float32Array>();
  for (const [name, { shape }] of tensors.entries) {
    const factor = allocate(shape.reduce((product, size) => product * size, 1));
    await readFloats(tensors, name, 0, factor);
    numbers.set(name, factor);
  }
  const products = matrices.map(({ tensor, a, b, isEmbedding, rank, factor }) => {
    const [left, right] = [numbers.get(b)!, numbers.get(a)!];
    // the embedding is (B · A)ᵀ
    const [rows, columns] = isEmbedding
      ? [transposed(right, rank), transposed(left, left.length / rank)]
      : [left, right];
    return [tensor, { rank, factor: scale * factor, rows, columns }] as const;
  });
  return new Map(products);
}

/** (columns, rows) from (rows, columns). */
function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  const out = allocate(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = matrix[row * columns + column]!;
    }
  }
  return out;
}

/** @throws TpaError `OUT_OF_MEMORY` where the engine has no array of that length */
function allocate(length: number): Float32Array {
  try {
    return new Float32Array(length);
  } catch (cause) {
    const needed = length * Float32Array.BYTES_PER_ELEMENT;
    const message = `could not allocate ${needed} bytes for a factor of an adapter`;
    throw new TpaError('OUT_OF_MEMORY', message, { cause, data: { needed } });
  }
}

async function fileOf(files: ModelFiles, file: string, label: string): Promise<ByteSource> {
  const source = await files.open(file);
  if (source !== undefined) return source;
  const message =
    `there is no file "${file}" in the adapter "${printable(label, 400)}": pass the folder or the ` +
    'address that PEFT has saved it in, as safetensors';
  throw new TpaError('MODEL_NOT_FOUND', message, { data: { path: label, file } });
}

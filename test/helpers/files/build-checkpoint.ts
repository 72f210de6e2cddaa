import type { ModelBytes } from '../../../src/format/files/bytes-at-hand.ts';
import { nearestHalf } from '../../reference/half.ts';
import { roundToBfloat16 } from '../../reference/rope-table.ts';
import { buildSafetensors, withHeader, type TensorData } from './build-safetensors.ts';

/** Tensors by name, the values as the file's dtype holds them. */
export type CheckpointTensors = Map<string, { shape: number[]; values: Float32Array }>;

/** How a checkpoint is stored. */
export interface CheckpointOptions {
  /** Of every tensor; F32 by default. */
  dtype?: 'F32' | 'F16' | 'BF16';
  /** Files; above 1 they come with `model.safetensors.index.json`. */
  shards?: number;
}

/** A model as `loadModel` takes it, and the truth about its weights. */
export interface Checkpoint {
  source: ModelBytes & { config: object };
  tensors: CheckpointTensors;
}

/** A named model that can be built; the same bytes every time. */
export interface CheckpointVariant {
  readonly name: string;
  /** config.json, as for float32 weights. */
  readonly config: object;
  build(options?: CheckpointOptions): Checkpoint;
}

/** The variant of this name. @throws Error where there is none */
export function variantNamed<V extends CheckpointVariant>(variants: readonly V[], name: string): V {
  const found = variants.find((variant) => variant.name === name);
  if (found === undefined) throw new Error(`no variant "${name}"`);
  return found;
}

/** The tensors rounded to the dtype, and the files that hold them. */
export function buildCheckpoint(
  config: object,
  exact: CheckpointTensors,
  { dtype = 'F32', shards = 1 }: CheckpointOptions = {},
): Checkpoint {
  const round = { F32: Math.fround, F16: roundToHalf, BF16: roundToBfloat16 }[dtype];
  const tensors: CheckpointTensors = new Map();
  for (const [name, { shape, values }] of exact) {
    // an arrow, because `map` would pass the index on
    tensors.set(name, { shape, values: values.map((value) => round(value)) });
  }
  const stored = [...tensors]
    .map(([name, { shape, values }]): TensorData => ({ name, dtype, shape, data: values }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1)); // the safetensors library sorts by name
  const weights = shards === 1 ? withMetadata(buildSafetensors(stored)) : sharded(stored, shards);
  return { source: { config, weights }, tensors };
}

/** {@link nearestHalf} of what a float16 can hold. */
export function roundToHalf(value: number): number {
  const rounded = nearestHalf(value);
  if (!Number.isFinite(rounded)) throw new RangeError(`${value} does not fit float16`);
  return rounded;
}

/** Shards of about equally many tensors, named and indexed as Transformers does. */
function sharded(stored: readonly TensorData[], shards: number): Map<string, Uint8Array> {
  if (shards > stored.length) throw new RangeError(`${stored.length} tensors, ${shards} shards`);
  const files = new Map<string, Uint8Array>();
  const weightMap: Record<string, string> = {};
  let totalSize = 0;
  for (let shard = 0; shard < shards; shard++) {
    const file = `model-${fiveDigits(shard + 1)}-of-${fiveDigits(shards)}.safetensors`;
    const from = Math.floor((shard * stored.length) / shards);
    const part = stored.slice(from, Math.floor(((shard + 1) * stored.length) / shards));
    for (const { name, data, dtype } of part) {
      weightMap[name] = file;
      totalSize += data.length * (dtype === 'F32' ? 4 : 2);
    }
    files.set(file, withMetadata(buildSafetensors(part)));
  }
  const index = { metadata: { total_size: totalSize }, weight_map: weightMap };
  files.set(
    'model.safetensors.index.json',
    new TextEncoder().encode(JSON.stringify(index, undefined, 2)),
  );
  return files;
}

/** The file with the metadata that Transformers writes, its header padded to 8 bytes. */
function withMetadata(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerEnd = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, headerEnd))) as object;
  const text = JSON.stringify({ __metadata__: { format: 'pt' }, ...header });
  return withHeader(text.padEnd(Math.ceil(text.length / 8) * 8, ' '), file.subarray(headerEnd));
}

function fiveDigits(count: number): string {
  return String(count).padStart(5, '0');
}

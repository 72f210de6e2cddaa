import { Compute } from '../../../src/compute/compute.ts';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/format/config/config.ts';
import type { ModelBytes } from '../../../src/format/files/bytes-at-hand.ts';
import { openModelFiles } from '../../../src/format/files/model-source.ts';
import { openTensors, type TensorSet } from '../../../src/format/tensors/tensors.ts';
import { type DtypeOption, WeightDtypes } from '../../../src/weights/dtypes.ts';
import type { StreamOptions } from '../../../src/weights/stream/stream.ts';
import { loadWeights } from '../../../src/weights/weights.ts';
import { createEngine, type Engine } from '../../../src/wasm/engine.ts';
import type { CheckpointVariant } from '../files/build-checkpoint.ts';
import { buildSafetensors, type TensorData, withHeader } from '../files/build-safetensors.ts';
import { type Read, recordReads } from '../fakes/recording-files.ts';

/** The tensors of a variant, by name. */
export function tensorsOf(variant: CheckpointVariant): TensorData[] {
  const { tensors } = variant.build();
  return Array.from(tensors, ([name, { shape, values }]) => ({ name, shape, data: values }));
}

/** A model file whose data begins `pad` bytes later. */
export function fileOf(tensors: readonly TensorData[], pad = 0): Uint8Array {
  const file = buildSafetensors(tensors);
  const end = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = new TextDecoder().decode(file.subarray(8, end));
  return withHeader(header + ' '.repeat(pad), file.subarray(end));
}

/** A model file on its way into the memory of an engine of its own. */
export interface OpenedWeights {
  readonly engine: Engine;
  readonly tensors: TensorSet;
  /** Of tensors, not of headers. */
  readonly reads: Read[];
  load(options?: StreamOptions & { dtype?: DtypeOption }): ReturnType<typeof loadWeights>;
}

/** Opens a model whose reads are put down. */
export async function openWeights(
  config: object,
  weights: ModelBytes['weights'],
  { hasReadInto = false, signal }: { hasReadInto?: boolean; signal?: AbortSignal } = {},
): Promise<OpenedWeights> {
  const reads: Read[] = [];
  const files = recordReads(await openModelFiles({ config, weights }), reads, hasReadInto);
  const tensors = await openTensors(files, signal);
  reads.length = 0;
  const engine = await createEngine({ simd: 'baseline' });
  const parsed = parseConfig(config, tensors.entries);
  return {
    engine,
    tensors,
    reads,
    load: ({ dtype = 'auto', ...how } = {}) => {
      const dtypes = new WeightDtypes(dtype, tensors.entries);
      return loadWeights(new Compute(engine), parsed, tensors, { dtypes, ...how });
    },
  };
}

/** All memory that holds a number, of an engine that did nothing else. */
export function memoryOf({ heap }: Engine): Buffer {
  const all = Buffer.from(heap.words(0, heap.size / 4).buffer);
  let end = all.length;
  while (end > 0 && all[end - 1] === 0) end--;
  return all.subarray(0, end);
}

/** Asserts that reads go forward, one file after the other, none is longer than `most` bytes, and no byte is asked for twice. */
export function assertForward(reads: readonly Read[], most: number): void {
  const ends = new Map<string, number>();
  for (const { file, offset, length } of reads) {
    assert.ok(offset >= (ends.get(file) ?? 0), `${file} at ${offset} after ${ends.get(file)}`);
    assert.ok(length > 0 && length <= most, `${length} bytes at once`);
    ends.set(file, offset + length);
  }
  const files = reads.map(({ file }) => file);
  assert.is(files.filter((file, i) => file !== files[i - 1]).length, ends.size);
}

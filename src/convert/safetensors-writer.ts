import { type ByteSource, bytesSource } from '../format/files/byte-source.ts';
import { readSafetensorsHeader, type TensorEntry } from '../format/tensors/safetensors.ts';
import { invalidCheckpoint } from '../format/errors.ts';
import { printable } from '../base/errors.ts';
import type { CheckpointTensor } from './checkpoint.ts';

/** The data starts at a multiple of it, the header being padded with spaces. */
const ALIGNMENT = 8;
const PREFIX_BYTES = 8;
/** Other readers look for it before they take a file. */
const METADATA = { format: 'pt' };

/** A safetensors file that is not written yet. */
export interface SafetensorsPlan {
  readonly byteLength: number;
  /** Its header, as the project's own reader finds it. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** The bytes of the file in pieces of a few MB, each valid until the next but one is drawn. */
  chunks(): AsyncIterable<Uint8Array>;
}

/**
 * Plans a safetensors file. Elements of 4 bytes come before those of 2, so that each is aligned.
 *
 * @throws TpaError any `WEIGHTS_*` that the project's own reader would throw at the header
 */
export async function planSafetensors(
  tensors: readonly CheckpointTensor[],
): Promise<SafetensorsPlan> {
  const ordered = tensors.toSorted((a, b) => Number(b.dtype === 'F32') - Number(a.dtype === 'F32'));
  const entries: [string, unknown][] = [['__metadata__', METADATA]];
  let dataBytes = 0;
  for (const { name, dtype, shape, byteLength } of ordered) {
    const end = dataBytes + byteLength;
    entries.push([name, { dtype, shape, data_offsets: [dataBytes, end] }]);
    dataBytes = end;
  }
  const header = encodeHeader(entries);
  const byteLength = header.byteLength + dataBytes;
  const readBack = await readSafetensorsHeader(beginning(header, byteLength));
  return {
    byteLength,
    entries: readBack,
    async *chunks() {
      yield header;
      for (const tensor of ordered) yield* exactly(tensor);
    },
  };
}

function encodeHeader(entries: readonly (readonly [string, unknown])[]): Uint8Array {
  // Written member by member: as an object's key `__proto__` would vanish, and `1` change places.
  const members = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const length = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const header = new Uint8Array(PREFIX_BYTES + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, PREFIX_BYTES);
  return header;
}

/** A file of which only the header is there. */
function beginning(header: Uint8Array, size: number): ByteSource {
  return { ...bytesSource('model.safetensors', header), size };
}

/** The pieces of a tensor, which have to be as long as it said. @throws TpaError `CHECKPOINT_INVALID` */
export async function* exactly({
  name,
  byteLength,
  chunks,
}: Pick<CheckpointTensor, 'name' | 'byteLength' | 'chunks'>): AsyncGenerator<Uint8Array> {
  let written = 0;
  for await (const chunk of chunks()) {
    written += chunk.byteLength;
    yield chunk;
  }
  if (written === byteLength) return;
  throw invalidCheckpoint(`tensor "${printable(name)}"`, `${byteLength} bytes`, written);
}

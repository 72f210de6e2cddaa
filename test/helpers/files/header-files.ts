import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readSafetensorsHeader } from '../../../src/format/tensors/safetensors.ts';
import { withHeader } from './build-safetensors.ts';

/** A header entry, right or wrong. */
export interface EntryFields {
  dtype?: unknown;
  shape?: unknown;
  data_offsets?: unknown;
}

/** Reads the header of a file in memory. */
export function readHeader(bytes: Uint8Array): ReturnType<typeof readSafetensorsHeader> {
  return readSafetensorsHeader(bytesSource('f.safetensors', bytes));
}

/** A file of the given header entries over `dataBytes` bytes of data. */
export function fileOf(entries: Record<string, EntryFields>, dataBytes: number): Uint8Array {
  return withHeader(JSON.stringify(entries), new Uint8Array(dataBytes));
}

/** Entries of three tensors of 8, 4 and 12 bytes. */
export function three(): Record<string, EntryFields> {
  return {
    a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    b: { dtype: 'F16', shape: [2, 1], data_offsets: [8, 12] },
    c: { dtype: 'I32', shape: [1, 3], data_offsets: [12, 24] },
  };
}

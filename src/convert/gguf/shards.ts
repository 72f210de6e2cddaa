import { CHUNK_BYTES } from '../read-chunks.ts';
import {
  encodeHeader,
  encodePairs,
  type GgufPair,
  headerBytes,
  infoBytes,
  padding,
  type TensorInfo,
} from './header-writer.ts';
import type { Pieces } from './pieces.ts';
import type { StoredTensor, WrittenTensor } from './stored-tensor.ts';

/** A file that is not written yet. */
export interface LaidFile {
  /** All that stands before the data. */
  readonly header: Uint8Array;
  readonly byteLength: number;
  readonly tensors: readonly WrittenTensor[];
  /** The bytes of the file, in pieces of a few MB, each valid until the next but one is drawn. */
  chunks(): Pieces;
}

/** The pairs of a part, the same number of bytes in each. */
const SPLIT = ['split.no', 'split.count', 'split.tensors.count'] as const;

/** Lays out one file. */
export function layFile(pairs: readonly GgufPair[], tensors: readonly StoredTensor[]): LaidFile {
  const header = encodeHeader({ pairs: pairs.length, encoded: encodePairs(pairs) }, tensors);
  return {
    header,
    byteLength: header.length + dataBytes(tensors),
    tensors,
    async *chunks() {
      for (let at = 0; at < header.length; at += CHUNK_BYTES) {
        yield header.subarray(at, at + CHUNK_BYTES);
      }
      yield* dataOf(tensors);
    },
  };
}

/** The data of some tensors, each filled up with zeros. */
export async function* dataOf(tensors: readonly StoredTensor[]): AsyncGenerator<Uint8Array> {
  for (const tensor of tensors) {
    yield* tensor.chunks();
    const rest = padding(tensor.byteLength);
    if (rest > 0) yield new Uint8Array(rest);
  }
}

/** Bytes of {@link dataOf}. */
export function dataBytes(tensors: readonly TensorInfo[]): number {
  return tensors.reduce((sum, { byteLength }) => sum + byteLength + padding(byteLength), 0);
}

/**
 * Lays out as many files as are needed for none to have more than `shardBytes`, unless one tensor or
 * the metadata alone do: whole tensors in their order, the metadata in the first file.
 */
export function laySplit(
  pairs: readonly GgufPair[],
  tensors: readonly StoredTensor[],
  shardBytes: number,
): LaidFile[] {
  const parts = splitTensors(pairs, tensors, shardBytes);
  return parts.map((part, index) => {
    const split = splitPairs([index, parts.length, tensors.length]);
    return layFile(index === 0 ? [...pairs, ...split] : split, part);
  });
}

function splitTensors(
  pairs: readonly GgufPair[],
  tensors: readonly StoredTensor[],
  shardBytes: number,
): StoredTensor[][] {
  const none = splitPairs([0, 0, 0]);
  const later = encodePairs(none).length;
  let infos = encodePairs([...pairs, ...none]).length;
  let data = 0;
  let part: StoredTensor[] = [];
  const parts = [part];
  for (const tensor of tensors) {
    const [ownInfo, ownData] = [infoBytes(tensor), dataBytes([tensor])];
    const fits = headerBytes(infos + ownInfo) + data + ownData <= shardBytes;
    const isAlone = part.length === 0 && parts.length > 1;
    if (!fits && !isAlone) {
      part = [];
      parts.push(part);
      [infos, data] = [later, 0];
    }
    part.push(tensor);
    infos += ownInfo;
    data += ownData;
  }
  return parts;
}

function splitPairs(values: readonly number[]): GgufPair[] {
  return SPLIT.map((key, i) => [
    key,
    { type: key === 'split.tensors.count' ? 'i32' : 'u16', value: values[i]! },
  ]);
}

import { type ByteSource, readInto } from '../files/byte-source.ts';

/** Rows that were put in another order, head by head. */
export interface PermutedRows {
  /** First byte of the first row in the file. */
  readonly offset: number;
  readonly headDim: number;
  /** Bytes of a row as it is stored. */
  readonly rowBytes: number;
}

/**
 * A file in which a projection's rows are in the order in which RoPE pairs the halves of a head.
 * llama.cpp rotates neighbours instead, and its converter moves rows i and i + headDim/2 of each
 * head to 2i and 2i + 1; this moves them back. Only reads inside the projection make sense.
 */
export function unpermuted(
  source: ByteSource,
  { offset: start, headDim, rowBytes }: PermutedRows,
): ByteSource {
  const headBytes = headDim * rowBytes;
  /**
   * The head that was read last, kept: the next piece may begin inside it, and what comes from a
   * server is read once. A head takes up to 1 MB, and fresh arrays pile up before they are collected.
   */
  let last: { at: number; readonly rows: Uint8Array } | undefined;
  const fill = async (offset: number, target: Uint8Array): Promise<void> => {
    const head = last ?? { at: -1, rows: new Uint8Array(headBytes) };
    last = undefined;
    for (let filled = 0; filled < target.byteLength;) {
      const inHead = (offset - start + filled) % headBytes;
      const at = offset + filled - inHead;
      if (head.at !== at) {
        head.at = -1;
        await readInto(source, at, head.rows);
        head.at = at;
      }
      filled += copyRows(head.rows, inHead, target.subarray(filled));
    }
    last = head;
  };
  /** Copies from byte `from` of the head on, as much as it has and the target takes. */
  const copyRows = (head: Uint8Array, from: number, target: Uint8Array): number => {
    const length = Math.min(headBytes - from, target.byteLength);
    for (let done = 0; done < length;) {
      const row = Math.floor((from + done) / rowBytes);
      const inRow = (from + done) % rowBytes;
      const stored = row < headDim / 2 ? 2 * row : 2 * row - headDim + 1;
      const end = Math.min(rowBytes, inRow + length - done);
      target.set(head.subarray(stored * rowBytes + inRow, stored * rowBytes + end), done);
      done += end - inRow;
    }
    return length;
  };
  return {
    name: source.name,
    size: source.size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      await fill(offset, bytes);
      return bytes;
    },
    readInto: fill,
    close: () => source.close(),
  };
}

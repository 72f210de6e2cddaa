import type { ByteSource } from '../../format/files/byte-source.ts';
import { openDownload, type Link } from './download.ts';
import { remoteSource } from './remote-source.ts';

/** Headers of 80 tensors in safetensors. */
const FIRST_BYTES = 2 ** 13;
/** A vocabulary of 100,000 in GGUF takes 5 MB: 16 requests. */
const MOST_BYTES = 2 ** 20;

/**
 * A file of which the beginning is read: it is asked for in pieces, or let go where the server sends
 * all of it. Its size is infinite where nobody says it.
 *
 * @returns undefined where there is no such file
 */
export async function openHeader(
  file: string,
  address: URL,
  link: Link,
): Promise<ByteSource | undefined> {
  let wanted = FIRST_BYTES;
  // What is asked for, and half as much as has come, where the reader cannot tell how far it will go.
  const pieceBytes = (from: number): number =>
    Math.ceil(Math.max(wanted - from, Math.min(from / 2, MOST_BYTES)));
  let download = await openDownload(file, address, { ...link, pieceBytes });
  if (download?.hidesSize) {
    // Seen from another origin a piece may have a length alone; the length of the rest tells more.
    download.suspend();
    download = await openDownload(file, address, link);
  }
  if (download === undefined) return undefined;
  const source = remoteSource(file, address, link, download, download.size ?? Infinity);
  return {
    ...source,
    read(offset, length) {
      wanted = offset + length;
      return source.read(offset, length);
    },
    readInto(offset, target) {
      wanted = offset + target.byteLength;
      return source.readInto!(offset, target);
    },
  };
}

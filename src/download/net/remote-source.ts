import type { ByteSource } from '../../format/files/byte-source.ts';
import { Download, type Link } from './download.ts';
import { readPart, sequentialSource } from './sequential.ts';

/** A download as a file; a few bytes out of turn are asked for beside it. */
export function remoteSource(
  file: string,
  address: URL,
  link: Link,
  download: Download,
  size: number,
): ByteSource {
  return sequentialSource(file, size, download, (offset, length) => {
    const part = new Download(file, address, { ...link, pieceBytes: () => length }, offset);
    return readPart(file, length, part);
  });
}

import { bytesOf, littleEndian as le } from './bytes.ts';

/** A file to be put into an archive; what is set beside name and bytes is written as it is. */
export interface ZipFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** What the directory says. */
  readonly listedBytes?: number;
  readonly storedBytes?: number;
  readonly headerOffset?: number;
  readonly listedName?: string;
}

/** How the archive is ended. */
export interface ZipEnd {
  readonly usesZip64?: boolean;
  readonly count?: number;
  readonly directoryBytes?: number;
  readonly directoryOffset?: number | bigint;
  readonly comment?: string;
}

/** The bytes of a zip archive of stored files, true or not; local headers end on 64 bytes. */
export function buildZip(files: readonly ZipFile[], end: ZipEnd = {}): Uint8Array {
  const { usesZip64 = false, comment = '' } = end;
  const body: Uint8Array[] = [];
  let bodyBytes = 0;
  const directory: Uint8Array[] = [];
  for (const file of files) {
    const { name, bytes, method = 0, flags = 0, headerOffset = bodyBytes } = file;
    const nameBytes = bytesOf(name);
    const listedName = bytesOf(file.listedName ?? name);
    const listed = file.listedBytes ?? bytes.length;
    const stored = file.storedBytes ?? listed;
    const padding = (128 - ((bodyBytes + 30 + nameBytes.length + 4) % 64)) % 64;
    const fields = (size: number, packed: number) =>
      bytesOf(le(flags, 2), le(method, 2), le(0, 8), le(packed, 4), le(size, 4));
    const local = bytesOf(
      'PK\u0003\u0004',
      le(20, 2),
      fields(bytes.length, bytes.length),
      le(nameBytes.length, 2),
      le(padding + 4, 2),
      nameBytes,
      'FB',
      le(padding, 2),
      new Uint8Array(padding),
    );
    body.push(local, bytes);
    bodyBytes += local.length + bytes.length;
    const wide = usesZip64
      ? bytesOf(le(1, 2), le(24, 2), le(listed, 8), le(stored, 8), le(headerOffset, 8))
      : new Uint8Array();
    const all = 0xffffffff;
    directory.push(
      bytesOf(
        'PK\u0001\u0002',
        le(20, 2),
        le(20, 2),
        usesZip64 ? fields(all, all) : fields(listed, stored),
        le(listedName.length, 2),
        le(wide.length, 2),
        le(0, 2),
        le(0, 2),
        le(0, 2),
        le(0, 4),
        le(usesZip64 ? all : headerOffset, 4),
        listedName,
        wide,
      ),
    );
  }
  const entries = bytesOf(...directory);
  const count = end.count ?? files.length;
  const size = end.directoryBytes ?? entries.length;
  const offset = end.directoryOffset ?? bodyBytes;
  const end64 = usesZip64
    ? bytesOf(
        'PK\u0006\u0006',
        le(44, 8),
        le(45, 2),
        le(45, 2),
        le(0, 4),
        le(0, 4),
        le(count, 8),
        le(count, 8),
        le(size, 8),
        le(offset, 8),
        'PK\u0006\u0007',
        le(0, 4),
        le(bodyBytes + entries.length, 8),
        le(1, 4),
      )
    : new Uint8Array();
  return bytesOf(
    ...body,
    entries,
    end64,
    'PK\u0005\u0006',
    le(0, 2),
    le(0, 2),
    le(Math.min(count, 0xffff), 2),
    le(Math.min(count, 0xffff), 2),
    le(usesZip64 ? -1 : size, 4),
    le(usesZip64 ? -1 : offset, 4),
    le(comment.length, 2),
    comment,
  );
}

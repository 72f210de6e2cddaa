import { TpaError, printable } from '../../base/errors.ts';

/** A file of known size that is read in pieces. */
export interface ByteSource {
  /** File name for messages. */
  readonly name: string;
  /** Bytes in the file. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset` on. They may be a view of the source: read, don't write.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED` where the file ends before
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Fills `target` with the bytes from `offset` on; sources in memory do without. Files have it,
   * since new arrays for all pieces pile up faster than they are collected.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED` where the file ends before
   */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
  /**
   * A few bytes out of turn; sources that are read in any order do without. What follows is read on
   * from where it was.
   *
   * @throws TpaError `WEIGHTS_TRUNCATED` where the file ends before
   */
  peek?(offset: number, length: number): Promise<Uint8Array>;
  /** Releases the file; idempotent. */
  close(): Promise<void>;
}

/**
 * A {@link ByteSource} over bytes in memory; nothing is copied.
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * const bytes = await readFile('my-model/model.safetensors');
 * const source = bytesSource('model.safetensors', bytes);
 * const header = await readSafetensorsHeader(source);
 */
export function bytesSource(name: string, bytes: Uint8Array | ArrayBuffer): ByteSource {
  const all = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  return {
    name,
    size: all.byteLength,
    async read(offset, length) {
      if (offset + length > all.byteLength) {
        throw truncated(name, offset + length, all.byteLength);
      }
      return all.subarray(offset, offset + length);
    },
    async close() {},
  };
}

/** The same file, every read of it with `before` and `after` around it. */
export function tapped(
  source: ByteSource,
  after: (offset: number, bytes: Uint8Array) => void | Promise<void>,
  before: (offset: number) => void | Promise<void> = () => {},
): ByteSource {
  const { name, size, readInto: fill } = source;
  return {
    name,
    size,
    async read(offset, length) {
      await before(offset);
      const bytes = await source.read(offset, length);
      await after(offset, bytes);
      return bytes;
    },
    ...(fill && {
      async readInto(offset: number, target: Uint8Array) {
        await before(offset);
        await fill.call(source, offset, target);
        await after(offset, target);
      },
    }),
    peek: (offset, length) => peek(source, offset, length),
    close: () => source.close(),
  };
}

/** A few bytes out of turn, which nobody follows or counts. */
export function peek(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  return source.peek?.(offset, length) ?? source.read(offset, length);
}

/** Fills `target` with the bytes from `offset` on, by a copy where the source cannot do it itself. */
export async function readInto(
  source: ByteSource,
  offset: number,
  target: Uint8Array,
): Promise<void> {
  if (source.readInto) await source.readInto(offset, target);
  else target.set(await source.read(offset, target.byteLength));
}

/** The error of a file that ends at byte `found` although `expected` bytes are needed. */
export function truncated(name: string, expected: number, found: number): TpaError {
  return new TpaError(
    'WEIGHTS_TRUNCATED',
    `"${printable(name)}" ends after ${found} bytes, at least ${expected} are needed`,
    { data: { expected, found } },
  );
}

/**
 * The whole file, which is closed then.
 *
 * @throws TpaError `RESOURCE_LIMIT` where it is longer than `maxBytes`, before it is read
 */
export async function readAll(source: ByteSource, maxBytes: number): Promise<Uint8Array> {
  try {
    if (source.size <= maxBytes) return await source.read(0, source.size);
    throw tooLarge(source.name, source.size, maxBytes);
  } finally {
    await source.close();
  }
}

/** The error of a file, or of one inside it, that is longer than what is read of it. */
export function tooLarge(name: string, needed: number, limit: number, inside?: string): TpaError {
  const part = inside === undefined ? '' : ` file "${printable(inside)}"`;
  const message = `"${printable(name)}"${part} has ${needed} bytes, at most ${limit} are read`;
  return new TpaError('RESOURCE_LIMIT', message, { data: { needed, limit } });
}

/** The first four bytes of a file, which tell its format; undefined where it has fewer. */
export async function readMagic(source: ByteSource): Promise<number | undefined> {
  if (source.size < 4) return undefined;
  const { buffer, byteOffset } = await source.read(0, 4);
  return new DataView(buffer, byteOffset).getUint32(0, true);
}

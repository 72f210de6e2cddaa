import { TpaError } from '../errors.ts';
import { type FollowedSource, followed, type Sink } from './in-order.ts';
import { missingFile, type ModelFiles } from './model-files.ts';
import { printable } from './printable.ts';
import type { ByteSource } from './byte-source.ts';

/** Hexadecimal SHA-256 by file name. */
export type Hashes = Readonly<Record<string, string>>;

/** The files of a model, some of which must have the bytes that were asked for. */
export interface HashedFiles extends ModelFiles {
  /**
   * Reads what nobody has read of the files to check.
   *
   * @throws TpaError `WEIGHTS_HASH`, `MODEL_NOT_FOUND` where one is missing
   */
  finish(): Promise<void>;
}

/**
 * Checks files as they are read. A read of the last byte is refused where the hash is another.
 *
 * @throws nothing itself; reads throw TpaError `WEIGHTS_HASH`
 */
export function hashedFiles(files: ModelFiles, hashes: Hashes): HashedFiles {
  const opened = new Map<string, FollowedSource>();
  const unchecked = new Set(Object.keys(hashes));
  const open = async (file: string): Promise<ByteSource | undefined> => {
    const source = await files.open(file);
    const expected = Object.hasOwn(hashes, file) ? hashes[file] : undefined;
    if (source === undefined || expected === undefined) return source;
    const checked = followed(source, await hashSink(file, expected, () => unchecked.delete(file)));
    opened.set(file, checked);
    return checked;
  };
  return {
    name: files.name,
    open,
    async finish() {
      for (const file of unchecked) {
        await opened.get(file)?.finish();
        if (!unchecked.has(file)) continue;
        // never opened, or closed before its end
        if ((await open(file)) === undefined) throw missingFile(files, file);
        await opened.get(file)?.finish();
      }
    },
    close: () => files.close(),
  };
}

async function hashSink(file: string, expected: string, onGood: () => void): Promise<Sink> {
  const { sha256 } = await import('@noble/hashes/sha2.js');
  const hash = sha256.create();
  return {
    async write(bytes) {
      hash.update(bytes);
    },
    async end() {
      const found = toHex(hash.digest());
      if (found !== expected.toLowerCase()) throw wrongHash(file, expected, found);
      onGood();
    },
  };
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function wrongHash(file: string, expected: string, found: string): TpaError {
  const message = `"${printable(file)}" expected SHA-256 ${expected}, found ${found}`;
  return new TpaError('WEIGHTS_HASH', message, {
    data: { file: printable(file), expected, found },
  });
}

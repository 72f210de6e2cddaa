import { TpaError, printable } from '../base/errors.ts';
import { type FollowedSource, followed, type Sink } from './in-order.ts';
import { toHex } from '../base/hex.ts';
import {
  INDEX_FILE,
  isWeightsFile,
  missingFile,
  type ModelFiles,
} from '../format/files/model-files.ts';
import type { ByteSource } from '../format/files/byte-source.ts';

/** Hexadecimal SHA-256 by file name. */
export type Hashes = Readonly<Record<string, string>>;

/** Checks files as they are read: the read of a last byte is refused where the hash is another. */
export class HashChecks {
  readonly #hashes: Hashes;
  /** Whether all weights must be known: a server could name shards that were never hashed. */
  readonly #knowsWeights: boolean;
  readonly #opened = new Map<string, FollowedSource>();
  readonly #unchecked: Set<string>;

  constructor(hashes: Hashes) {
    const files = Object.keys(hashes);
    this.#hashes = hashes;
    this.#knowsWeights = files.some((file) => file === INDEX_FILE || isWeightsFile(file));
    this.#unchecked = new Set(files);
  }

  /** Whether a file must have certain bytes. */
  isKnown(file: string): boolean {
    return Object.hasOwn(this.#hashes, file);
  }

  /**
   * The same file, which is checked before `sinks` end.
   *
   * @throws TpaError `WEIGHTS_HASH` where other weights are known, and not these
   */
  async follow(source: ByteSource, sinks: readonly Sink[] = []): Promise<FollowedSource> {
    const { name } = source;
    const expected = this.isKnown(name) ? this.#hashes[name] : undefined;
    if (expected === undefined) {
      if (this.#knowsWeights && isWeightsFile(name)) throw unknownWeights(name);
      return followed(source, sinks);
    }
    const check = await hashSink(name, expected, () => this.#unchecked.delete(name));
    const checked = followed(source, [check, ...sinks]);
    this.#opened.set(name, checked);
    return checked;
  }

  /** Files at hand, checked. */
  files(files: ModelFiles): ModelFiles {
    return {
      name: files.name,
      gguf: files.gguf,
      open: async (file) => {
        const source = await files.open(file);
        return source && this.follow(source);
      },
      close: () => files.close(),
    };
  }

  /**
   * Reads the rest of the files to check.
   *
   * @param files gives them through {@link follow}
   * @throws TpaError `WEIGHTS_HASH`, `MODEL_NOT_FOUND` where one is missing
   */
  async finish(files: ModelFiles): Promise<void> {
    for (const file of this.#unchecked) {
      await this.#opened.get(file)?.finish();
      if (!this.#unchecked.has(file)) continue;
      // never opened, or closed before its end
      if ((await files.open(file)) === undefined) throw missingFile(files, file);
      await this.#opened.get(file)?.finish();
    }
  }
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

function wrongHash(file: string, expected: string, found: string): TpaError {
  const message = `"${printable(file)}" has the SHA-256 ${found}, not ${expected}`;
  return new TpaError('WEIGHTS_HASH', message, {
    data: { file: printable(file), expected, found },
  });
}

function unknownWeights(file: string): TpaError {
  const message = `"sha256" has hashes of other weights but not of "${printable(file)}"; add it`;
  return new TpaError('WEIGHTS_HASH', message, { data: { file: printable(file) } });
}

import { checkKind, checkKnown, checkObject, checkSignal } from '../base/arguments.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { cacheBytes, cacheSections, snapshotBytes, VERSION } from './header.ts';
import type { RestoreOptions, SnapshotMetadata } from './options.ts';
import { pacer } from './pace.ts';
import { SectionReader } from './section-reader.ts';
import { type SnapshotSource, SourceReader } from './source-reader.ts';

/** What a snapshot says of itself. */
export interface SnapshotInfo {
  /** Of the format. */
  readonly version: number;
  /** Of the configuration and weights of its model, as in `model.info()`. */
  readonly fingerprint: string;
  /** How its cache is stored. */
  readonly cacheDtype: CacheDtype;
  /** Layers of the model. */
  readonly layers: number;
  /** Token ids of the conversation. */
  readonly tokens: readonly number[];
  /** Of these, those that are cached: the others are evaluated after restoring. */
  readonly cachedTokens: number;
  /** Whether the cache is states of linear attention, whose size does not grow. */
  readonly hasStates: boolean;
  /** Whether `seed: 'continue'` goes on with the random numbers of the last generation. */
  readonly hasRandom: boolean;
  /** Whether the SHA-256 of all bytes stands at its end. */
  readonly hasHash: boolean;
  /** What `session.metadata` of a restored session is. */
  readonly metadata: SnapshotMetadata | undefined;
  /** Bytes of the caches of all layers. */
  readonly cacheBytes: number;
  /** Bytes of the snapshot. */
  readonly byteLength: number;
}

/** Options of `readSnapshotInfo`. */
export interface SnapshotInfoOptions extends RestoreOptions {
  /** Whether everything is read and checked; else what stands before the caches; default true. */
  readonly verify?: boolean;
}

/** As `readSnapshotInfo`. */
export async function readInfo(
  source: SnapshotSource,
  options: SnapshotInfoOptions,
): Promise<SnapshotInfo> {
  const known = ['signal', 'verify'];
  checkKnown('an option of readSnapshotInfo', checkObject('options', options), known);
  const verify = checkKind('verify', options.verify ?? true, 'boolean');
  const signal = checkSignal('signal', options.signal);
  const reader = new SourceReader(source, signal);
  try {
    const sections = new SectionReader(reader);
    const { header, tokens, metadata } = await sections.start(() => {});
    if (verify) {
      const pause = pacer('reading', signal);
      for (const bytes of cacheSections(header)) {
        await pause();
        await sections.passPiece(bytes);
      }
      await sections.end(header);
    }
    const { fingerprint, cacheDtype, layers, lengths, pieces, hasRandom, hasHash } = header;
    return {
      version: VERSION,
      fingerprint,
      cacheDtype,
      layers,
      tokens,
      cachedTokens: lengths.at(-1) ?? 0,
      hasStates: pieces.tokens === 0,
      hasRandom,
      hasHash,
      metadata,
      cacheBytes: cacheBytes(header),
      byteLength: snapshotBytes(header),
    };
  } finally {
    reader.close();
  }
}

import {
  checkChoice,
  checkKind,
  checkKnown,
  checkObject,
  checkRule,
  checkSignal,
  mismatch,
} from '../base/arguments.ts';
import { CACHE_DTYPES, type CacheDtype } from '../layout/cache-dtype.ts';

/** What a program keeps with a snapshot: a JSON object. */
export type SnapshotMetadata = Readonly<Record<string, unknown>>;

/** UTF-8 bytes of metadata: names, dates and notes, not a second conversation. */
export const MAX_METADATA_BYTES = 65_536;

/** Options of `session.snapshot` and `session.snapshotStream`. */
export interface SnapshotOptions {
  /**
   * How the cache is stored, and the restored session has it; default: as this session has it. `'q8'`
   * takes about a quarter of `'f32'`. States of linear attention are float32 always.
   */
  readonly dtype?: CacheDtype;
  /** What `session.metadata` of a restored session is; a JSON object of at most 64 KB; default none. */
  readonly metadata?: SnapshotMetadata;
  /** Whether the SHA-256 of all bytes stands at the end, checked when they are read; default false. */
  readonly sha256?: boolean;
  /** Ends the call with `ABORTED`, a stream with an error of that code; default none. */
  readonly signal?: AbortSignal;
}

/** Options of `model.restore` and `readSnapshotInfo`. */
export interface RestoreOptions {
  /** Ends the call with `ABORTED`; default none. */
  readonly signal?: AbortSignal;
}

/** {@link SnapshotOptions}, checked, the metadata as it is written. */
export interface CheckedOptions extends Pick<SnapshotOptions, 'dtype' | 'signal'> {
  readonly metadata: Uint8Array | undefined;
  readonly sha256: boolean;
}

/** @throws TypeError, RangeError */
export function checkSnapshotOptions(options: SnapshotOptions): CheckedOptions {
  const known = ['dtype', 'metadata', 'sha256', 'signal'];
  checkKnown('an option of snapshot', checkObject('options', options), known);
  const { dtype, metadata, sha256 = false } = options;
  const signal = checkSignal('signal', options.signal);
  return {
    ...(dtype === undefined ? {} : { dtype: checkChoice('dtype', dtype, CACHE_DTYPES) }),
    metadata: metadata === undefined ? undefined : encodeMetadata(metadata),
    sha256: checkKind('sha256', sha256, 'boolean'),
    ...(signal === undefined ? {} : { signal }),
  };
}

function encodeMetadata(metadata: object): Uint8Array {
  const text = jsonOf(checkObject('metadata', metadata));
  if (text?.startsWith('{') !== true) {
    throw new TypeError(mismatch('metadata', 'a JSON object', metadata));
  }
  const bytes = new TextEncoder().encode(text);
  const isMet = bytes.length <= MAX_METADATA_BYTES;
  checkRule('metadata', isMet, `at most ${MAX_METADATA_BYTES} bytes of JSON`, bytes.length);
  return bytes;
}

/** @returns undefined for what JSON cannot hold: a function, a circle, a bigint */
function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

import type { SnapshotInfo, SnapshotInfoOptions } from './info.ts';
import type { SnapshotSource } from './source-reader.ts';

/**
 * What a snapshot says of itself, without a model: everything is read and checked, as restoring
 * does but for the numbers of the cache. Of a stream 64 KB are held at a time.
 *
 * @param source the bytes, or a stream of them, which is read to its end or cancelled
 * @param options `verify: false` reads no more than what stands before the caches
 * @throws TypeError for another source or option; TpaError `SNAPSHOT_INVALID`, `ABORTED`; what the
 *   stream throws
 *
 * @example
 * const bytes = await session.snapshot({ metadata: { title: 'A fox' } });
 * const { tokens, metadata } = await readSnapshotInfo(bytes, { verify: false });
 */
export async function readSnapshotInfo(
  source: SnapshotSource,
  options: SnapshotInfoOptions = {},
): Promise<SnapshotInfo> {
  const { readInfo } = await import('./snapshots.ts');
  return readInfo(source, options);
}

import { messageOf, TpaError, printable } from '../../base/errors.ts';
import { type ByteSource, truncated } from '../../format/files/byte-source.ts';
import type { CachedFile } from './model-cache.ts';
import { DISK_PATIENCE_MS, type Patience } from '../net/patience.ts';

/** A cached file as loading reads it; whatever a cache may throw is a bad file. */
export function cachedSource(name: string, cached: CachedFile, patience: Patience): ByteSource {
  const { size } = cached.facts;
  const attempt = async <T>(end: number, work: () => Promise<T>): Promise<T> => {
    if (end > size) throw truncated(name, end, size);
    try {
      return await patience.within(work(), DISK_PATIENCE_MS);
    } catch (cause) {
      if (cause instanceof TpaError) throw cause;
      const message = `the cached copy of "${printable(name)}" could not be read: ${messageOf(cause)}`;
      throw new TpaError('WEIGHTS_TRUNCATED', message, { cause });
    }
  };
  const { readInto } = cached;
  return {
    name,
    size,
    async read(offset, length) {
      return attempt(offset + length, async () => {
        const bytes = await cached.read(offset, length);
        if (bytes.byteLength === length) return bytes;
        throw new Error(`${bytes.byteLength} bytes of ${length}`);
      });
    },
    ...(readInto && {
      readInto: (offset: number, target: Uint8Array) =>
        attempt(offset + target.byteLength, () => readInto.call(cached, offset, target)),
    }),
    async close() {
      // all of it has been read, or is not wanted
      await attempt(0, () => cached.close()).catch(() => {});
    },
  };
}

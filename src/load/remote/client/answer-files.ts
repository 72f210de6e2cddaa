import { expectFile } from '../../../download/cache/file-facts.ts';
import type { ModelCache } from '../../../download/cache/model-cache.ts';
import type { ModelFiles } from '../../../format/files/model-files.ts';
import { type Answers, Moved } from '../channel.ts';
import type { CallerAsks } from '../protocol.ts';
import type { Handles } from './handles.ts';

type FileAsks =
  'openFile' | 'openCached' | 'createCached' | 'read' | 'pull' | 'write' | 'commit' | 'close';

/**
 * Lends the worker the files and the cache of a caller, a piece at a time.
 *
 * @param files undefined where the worker opens the model itself
 * @param cache undefined where the caller gave none
 */
export function answerFiles(
  handles: Handles,
  files: ModelFiles | undefined,
  cache: ModelCache | undefined,
): Answers<Pick<CallerAsks, FileAsks>> {
  return {
    async openFile(file) {
      const source = await files!.open(file);
      if (source === undefined) return undefined;
      return { handle: handles.add(source), name: source.name, size: source.size };
    },
    async openCached(key) {
      const file = expectFile(await cache!.open(key));
      return file && { handle: handles.add(file), facts: file.facts };
    },
    async createCached({ key, facts }) {
      const writer = await cache!.create(key, facts);
      return handles.add({
        write: (bytes) => writer.write(bytes),
        commit: () => writer.commit(),
        close: () => writer.abort(),
      });
    },
    read: async ({ handle, offset, length }) =>
      copied(await handles.get(handle).read!(offset, length)),
    async pull(handle) {
      const bytes = await handles.get(handle).pull!();
      return bytes && copied(bytes);
    },
    write: ({ handle, bytes }) => handles.get(handle).write!(bytes),
    async commit(handle) {
      await handles.get(handle).commit!();
      handles.drop(handle);
    },
    close: (handle) => handles.close(handle),
  };
}

/** The bytes may be a part of what the caller goes on to use, so that they cannot be given away. */
function copied(bytes: Uint8Array): Moved<Uint8Array<ArrayBuffer>> {
  const copy = new Uint8Array(bytes);
  return new Moved(copy, [copy.buffer]);
}

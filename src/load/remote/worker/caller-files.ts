import type { CachedFile, ModelCache } from '../../../download/cache/model-cache.ts';
import type { ModelFiles } from '../../../format/files/model-files.ts';
import type { CallerFiles } from '../protocol.ts';
import type { ToCaller } from './to-caller.ts';

/** The files that a caller has. */
export function callerFiles(caller: ToCaller, { name, gguf }: CallerFiles): ModelFiles {
  return {
    name,
    gguf,
    async open(file) {
      const opened = await caller.ask('openFile', file);
      return opened && { name: opened.name, size: opened.size, ...reading(caller, opened.handle) };
    },
    async close() {},
  };
}

/** The cache that a caller gave. */
export function callerCache(caller: ToCaller): ModelCache {
  return {
    async open(key) {
      const opened = await caller.ask('openCached', key);
      return opened && { facts: opened.facts, ...reading(caller, opened.handle) };
    },
    async create(key, facts) {
      const handle = await caller.ask('createCached', { key, facts });
      return {
        write(given) {
          const bytes = new Uint8Array(given); // the reader goes on to use it
          return caller.ask('write', { handle, bytes }, { transfer: [bytes.buffer] });
        },
        async commit() {
          await caller.ask('commit', handle);
        },
        abort: () => caller.ask('close', handle),
      };
    },
  };
}

function reading(caller: ToCaller, handle: number): Pick<CachedFile, 'read' | 'close'> {
  return {
    read: (offset, length) => caller.ask('read', { handle, offset, length }),
    close: () => caller.ask('close', handle),
  };
}

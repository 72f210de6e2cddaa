import type { FileFacts, ModelCache } from '../../../src/index.ts';

/** What a cache can be asked to do. */
export type CacheOperation = 'open' | 'read' | 'create' | 'write' | 'commit' | 'abort';

/** A cache in memory that fails, or waits, where a test wants it to. */
export class MemoryCache implements ModelCache {
  /** Complete files by key. */
  readonly files = new Map<string, { facts: FileFacts; bytes: Uint8Array }>();
  /** Called before each operation. */
  before: (operation: CacheOperation, key: string) => void | Promise<void> = () => {};
  /** Writers and readers that were not closed. */
  unclosed = 0;

  /** Files that are there, by their bare names, absent ones in brackets. */
  names(): string[] {
    return [...this.files]
      .map(([key, { facts }]) => {
        const name = new URL(key).pathname.split('/').at(-1)!;
        return facts.isAbsent ? `(${name})` : name;
      })
      .toSorted();
  }

  async open(key: string) {
    await this.before('open', key);
    const file = this.files.get(key);
    if (file === undefined) return undefined;
    const { facts, bytes } = file;
    this.unclosed++;
    let isOpen = true;
    return {
      facts,
      read: async (offset: number, length: number) => {
        await this.before('read', key);
        return bytes.subarray(offset, offset + length);
      },
      close: async () => {
        if (isOpen) this.unclosed--;
        isOpen = false;
      },
    };
  }

  async create(key: string, facts: FileFacts) {
    await this.before('create', key);
    const parts: Uint8Array[] = [];
    this.unclosed++;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.unclosed--;
      isOpen = false;
    };
    return {
      write: async (bytes: Uint8Array) => {
        await this.before('write', key);
        parts.push(bytes.slice());
      },
      commit: async () => {
        await this.before('commit', key);
        this.files.set(key, { facts, bytes: Buffer.concat(parts) });
        close();
      },
      abort: async () => {
        await this.before('abort', key);
        close();
      },
    };
  }
}

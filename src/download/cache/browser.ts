import { messageOf } from '../../base/errors.ts';
import { sha256Hex } from '../../base/hex.ts';
import { type Chunks, sequentialSource } from '../net/sequential.ts';
import { noCache, parseFacts } from './file-facts.ts';
import type {
  CachedFile,
  CacheWriter,
  FileFacts,
  ModelCache,
  RuntimeCache,
} from './model-cache.ts';

/** Shared by all pages of an origin. */
const NAME = 'tpa-wasm';

/** The Cache API, where a page may use it: a module behind `#cache`. */
export async function openRuntimeCache(): Promise<RuntimeCache> {
  try {
    // there only in secure contexts; where a page may keep nothing, to look at it may throw
    if (globalThis.caches === undefined) {
      return noCache('no Cache API: the page is not a secure context');
    }
    const store = await globalThis.caches.open(NAME);
    return {
      cache: responseCache(store),
      info: { kind: 'cache-api', reason: `files are kept in the cache "${NAME}" of this origin` },
    };
  } catch (error) {
    return noCache(`no Cache API: ${messageOf(error)}`);
  }
}

/** The header of a kept response that holds the {@link FileFacts}. */
const FACTS_HEADER = 'x-tpa-file';

/** The part of a browser's `Cache` that is used. */
export type ResponseStore = Pick<Cache, 'match' | 'put'>;

/** A cache of responses, each of which is there from the end of its `put` on, and only then. */
export function responseCache(store: ResponseStore): ModelCache {
  return {
    async open(key) {
      const address = await addressOf(key);
      const response = await store.match(address);
      const facts = parseFacts(factsOf(response));
      return response && facts && cachedResponse(store, address, response, facts);
    },
    async create(key, facts) {
      // each piece waits until the one before it was taken: none is kept here
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
        undefined,
        undefined,
        { highWaterMark: 0 },
      );
      const headers = {
        [FACTS_HEADER]: encodeFacts(facts),
        'content-type': 'application/octet-stream',
      };
      const put = store.put(await addressOf(key), new Response(readable, { headers }));
      // it is told of by the next write or by commit
      put.catch(() => {});
      return responseWriter(writable.getWriter(), put);
    },
  };
}

/** What a response is kept under: no secret is in it, nor a password, which browsers refuse. */
async function addressOf(key: string): Promise<string> {
  const file = new URL(key).pathname.split('/').at(-1)!;
  return `https://tpa-wasm.invalid/${await sha256Hex(key)}/${file}`;
}

function factsOf(response: Response | undefined): string | null {
  return response?.headers.get(FACTS_HEADER) ?? null;
}

function responseWriter(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  put: Promise<void>,
): CacheWriter {
  writer.closed.catch(() => {});
  /** What went wrong with `put` says more than that its stream was given up. */
  const orFailure = (work: Promise<void>): Promise<void> =>
    work.catch(async (error: unknown) => {
      await put;
      throw error;
    });
  return {
    // the browser may still read a piece when it has taken it
    write: (bytes) => orFailure(writer.write(bytes.slice())),
    async commit() {
      await orFailure(writer.close());
      await put;
    },
    async abort() {
      await writer.abort(new Error('not completed')).catch(() => {});
      await put.catch(() => {});
    },
  };
}

function cachedResponse(
  store: ResponseStore,
  address: string,
  first: Response,
  facts: FileFacts,
): CachedFile {
  const chunks = new ResponseChunks(first, async () => {
    const again = await store.match(address);
    // another page may have kept another version meanwhile
    return factsOf(again) === factsOf(first) ? again : undefined;
  });
  const source = sequentialSource('cache', facts.size, chunks);
  return { ...source, facts };
}

/** The body of a response, which is opened again where it must be read again. */
class ResponseChunks implements Chunks {
  readonly #again: () => Promise<Response | undefined>;
  #response: Response | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #skip = 0;

  constructor(response: Response, again: () => Promise<Response | undefined>) {
    this.#response = response;
    this.#again = again;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#reader === undefined) {
      const response = this.#response ?? (await this.#again());
      this.#response = undefined;
      this.#reader = response?.body?.getReader();
    }
    for (;;) {
      const { value } = (await this.#reader?.read()) ?? {};
      if (value === undefined) return undefined;
      const skipped = Math.min(this.#skip, value.byteLength);
      this.#skip -= skipped;
      if (skipped < value.byteLength) return value.subarray(skipped);
    }
  }

  seek(position: number): void {
    this.suspend();
    this.#skip = position;
  }

  suspend(): void {
    const body = this.#reader ?? this.#response?.body;
    this.#reader = undefined;
    this.#response = undefined;
    body?.cancel().catch(() => {});
  }
}

/** JSON in ASCII, as a header must be. */
function encodeFacts(facts: FileFacts): string {
  return JSON.stringify(facts).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

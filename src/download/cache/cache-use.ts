import type { Clock } from '../../base/time.ts';
import { messageOf } from '../../base/errors.ts';
import type { Sink } from '../in-order.ts';
import { expectFile } from './file-facts.ts';
import type { CachedFile, CacheInfo, CacheWriter, FileFacts, ModelCache } from './model-cache.ts';
import { DISK_PATIENCE_MS, Patience } from '../net/patience.ts';

/** How long a load that has ended waits for the cache to clean up; the cache may do so later. */
const ABANDON_PATIENCE_MS = 1000;
/** Gigabytes may have to reach a slow disk. */
const COMMIT_PATIENCE_MS = 300_000;

/** A cache as one load uses it: after its first error it is not used any more. */
export class CacheUse {
  readonly #patience: Patience;
  /** For cleaning up, which an aborted load does as well. */
  readonly #lastPatience: Patience;
  /** Of files that are not complete. */
  readonly #writers = new Set<Promise<CacheWriter>>();
  #cache: ModelCache | undefined;
  #info: CacheInfo;

  constructor(
    cache: ModelCache | undefined,
    info: CacheInfo,
    clock: Clock,
    signal: AbortSignal | undefined,
  ) {
    this.#cache = cache;
    this.#info = info;
    this.#patience = new Patience(clock, signal);
    this.#lastPatience = new Patience(clock, undefined);
  }

  /** Whether files are kept, and why not. */
  get info(): CacheInfo {
    return this.#info;
  }

  /** Whether it can still be used. */
  get isUsable(): boolean {
    return this.#cache !== undefined;
  }

  /**
   * A whole file, undefined where the cache has none.
   *
   * @throws TpaError `ABORTED`
   */
  async find(key: string): Promise<CachedFile | undefined> {
    const opening = this.#cache && start(this.#cache.open.bind(this.#cache, key)).then(expectFile);
    if (opening === undefined) return undefined;
    let found: CachedFile | undefined;
    try {
      found = await this.#attempt(opening);
      return found;
    } finally {
      // a file that comes too late must not stay open
      if (found === undefined) opening.then((late) => late?.close()).catch(() => {});
    }
  }

  /**
   * Keeps the bytes that it is given, until something goes wrong; undefined where nothing can be
   * kept.
   *
   * @throws TpaError `ABORTED`
   */
  async keep(key: string, facts: FileFacts): Promise<Sink | undefined> {
    const creating = this.#cache && start(this.#cache.create.bind(this.#cache, key, facts));
    if (creating === undefined) return undefined;
    this.#writers.add(creating);
    const writer = await this.#attempt(creating);
    if (writer === undefined) {
      await this.abandon();
      return undefined;
    }
    const use = async (
      work: (writer: CacheWriter) => Promise<void>,
      milliseconds?: number,
    ): Promise<void> => {
      if (!this.#writers.has(creating)) return;
      await this.#attempt(
        start(() => work(writer)),
        milliseconds,
      );
      if (this.#cache === undefined) await this.abandon();
    };
    return {
      // browsers store no bytes of a memory that threads share
      write: (bytes) =>
        use((to) => to.write(bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice())),
      end: () =>
        use(async (to) => {
          await to.commit();
          this.#writers.delete(creating);
        }, COMMIT_PATIENCE_MS),
    };
  }

  /** Removes what there is of files that were not completed. */
  async abandon(): Promise<void> {
    const writers = [...this.#writers];
    this.#writers.clear();
    const ends = writers.map(async (creating) => (await creating).abort());
    await this.#lastPatience.within(Promise.allSettled(ends), ABANDON_PATIENCE_MS).catch(() => {});
  }

  async #attempt<T>(work: Promise<T>, milliseconds = DISK_PATIENCE_MS): Promise<T | undefined> {
    try {
      return await this.#patience.within(work, milliseconds);
    } catch (error) {
      this.#patience.check();
      this.#cache = undefined;
      this.#info = { kind: 'none', reason: describe(error) };
      return undefined;
    }
  }
}

/** A caller's cache may throw where it should reject. */
async function start<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

function describe(error: unknown): string {
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
  return `${name}${messageOf(error)}`;
}

import { countedFiles } from './counted-files.ts';
import type { HashChecks, Hashes } from './hashed-files.ts';
import { type ModelFiles, type ModelSource, openModelFiles } from '../format/files/model-files.ts';
import type { CacheOption } from './cache/choose.ts';
import type { ProgressMeter } from './load-progress.ts';
import type { CacheInfo } from './cache/model-cache.ts';
import type { Fetch } from './net/network.ts';
import type { RemoteFiles } from './open-remote.ts';

/** How a model's files are read. */
export interface SourceOptions {
  readonly cache: CacheOption;
  /** In place of the global one; only an address is fetched. */
  readonly fetch: Fetch | undefined;
  /** Whether cached files are fetched anew, whatever `cache` is. */
  readonly isReload: boolean;
  readonly sha256: Hashes;
  /** What weights may have whose length the server does not say. */
  readonly maxWeightBytes: number;
  readonly meter: ProgressMeter | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A model's files: downloaded and kept, checked, and counted. */
export interface LoadFiles extends ModelFiles {
  /** What keeps them. */
  readonly cache: CacheInfo;
  /** Whether any came from a cache, where it may have gone bad. */
  readonly hasCached: boolean;
  /** All weights are open; they are read now. */
  begin(): void;
  /**
   * The model has what it needs: what else must be checked or kept is read.
   *
   * @throws TpaError `WEIGHTS_HASH`, `MODEL_NOT_FOUND`, `ABORTED`
   */
  finish(): Promise<void>;
}

/**
 * Opens the place of a model's files.
 *
 * @throws as `openModelFiles`; TypeError where there is nothing to fetch with `fetch`
 */
export async function openSource(source: ModelSource, options: SourceOptions): Promise<LoadFiles> {
  const { meter } = options;
  const checks = await openChecks(options.sha256);
  let remote: RemoteFiles | undefined;
  const files = await openModelFiles(source, async (address) => {
    // 5 KB that models at hand do without
    const { openRemote } = await import('./open-remote.ts');
    remote = await openRemote(address, options, checks);
    return remote.files;
  });
  if (options.fetch !== undefined && remote === undefined) {
    await files.close();
    throw new TypeError('"fetch" expected an http(s) address to load from, got files at hand');
  }
  // what is downloaded is checked before it is kept
  const checked = remote === undefined && checks ? checks.files(files) : files;
  const counted = countedFiles(checked, (...counts) => meter?.update(...counts));
  return {
    name: files.name,
    get cache() {
      return remote?.cache.info ?? { kind: 'none', reason: 'the model is not downloaded' };
    },
    get hasCached() {
      return remote?.files.hasCached ?? false;
    },
    open: (file) => counted.open(file),
    begin: () => counted.begin(),
    async finish() {
      await checks?.finish(checked);
      await remote?.files.finish();
      counted.finish();
    },
    close: () => counted.close(),
  };
}

/** What checks files where there is something to check; most loads need none of that code. */
async function openChecks(hashes: Hashes): Promise<HashChecks | undefined> {
  if (Object.keys(hashes).length === 0) return undefined;
  const { HashChecks } = await import('./hashed-files.ts');
  return new HashChecks(hashes);
}

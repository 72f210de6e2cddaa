import type { ModelFiles } from '../format/files/model-files.ts';
import {
  hubAddress,
  openModelFiles,
  type ModelSource,
  webAddress,
} from '../format/files/model-source.ts';
import type { CacheInfo } from './cache/model-cache.ts';
import type { HashChecks, Hashes } from './hashed-files.ts';
import type { LoadProgress } from './load-progress.ts';
import type { HubOptions } from './hub/open-hub.ts';
import type { RemoteFiles } from './open-remote.ts';

/** How a model's files are read. */
export interface SourceOptions extends Omit<HubOptions, 'checks'> {
  readonly sha256: Hashes;
  readonly onProgress: ((progress: LoadProgress) => void) | undefined;
  /** In place of those of the source. */
  readonly filesAtHand?: ModelFiles | undefined;
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

const AT_HAND: CacheInfo = { kind: 'none', reason: 'the model is not downloaded' };

/**
 * Opens the place of a model's files.
 *
 * @throws as `openModelFiles`; TypeError where there is nothing to fetch with `fetch`
 */
export async function openSource(source: ModelSource, options: SourceOptions): Promise<LoadFiles> {
  const { onProgress, sha256, filesAtHand } = options;
  const checks = await openChecks(sha256);
  const remote = filesAtHand
    ? refuseOptions(options)
    : await openAddress(source, { ...options, checks });
  const files = filesAtHand ?? remote?.files ?? (await openModelFiles(source));
  // what is downloaded is checked before it is kept
  const checked = remote === undefined && checks ? checks.files(files) : files;
  // 1 KB, which programs that show no progress do without
  const counted =
    onProgress && (await import('./counted-files.ts')).meteredFiles(checked, onProgress);
  const read = counted ?? checked;
  return {
    name: files.name,
    gguf: files.gguf,
    get cache() {
      return remote?.cache.info ?? AT_HAND;
    },
    get hasCached() {
      return remote?.files.hasCached ?? false;
    },
    open: (file) => read.open(file),
    begin: () => counted?.begin(),
    async finish() {
      await checks?.finish(checked);
      await remote?.files.finish();
      counted?.finish();
    },
    close: () => read.close(),
  };
}

/** Opens an address; undefined for files at hand. What only addresses need is loaded for them: 5 KB. */
async function openAddress(
  source: ModelSource,
  options: HubOptions,
): Promise<RemoteFiles | undefined> {
  const { endpoint } = options;
  const hub = hubAddress(source);
  if (hub !== undefined) return (await import('./hub/open-hub.ts')).openHub(hub, options);
  if (endpoint !== undefined) refuseEndpoint();
  const address = webAddress(source);
  if (address !== undefined) return (await import('./open-remote.ts')).openRemote(address, options);
  return refuseOptions(options);
}

/** Files at hand have no use for the options of addresses. @throws TypeError */
function refuseOptions({ endpoint, fetch }: Pick<HubOptions, 'endpoint' | 'fetch'>): undefined {
  if (endpoint !== undefined) refuseEndpoint();
  if (fetch === undefined) return undefined;
  throw new TypeError('"fetch" expected an http(s) or hf: address to load from, got files at hand');
}

function refuseEndpoint(): never {
  throw new TypeError('"endpoint" expected an hf: address to load from, got another source');
}

/** What checks files where there is something to check; most loads need none of that code. */
async function openChecks(hashes: Hashes): Promise<HashChecks | undefined> {
  if (Object.keys(hashes).length === 0) return undefined;
  const { HashChecks } = await import('./hashed-files.ts');
  return new HashChecks(hashes);
}

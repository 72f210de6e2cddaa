import { messageOf } from '../base/errors.ts';
import { CacheUse } from './cache/cache-use.ts';
import { noCache } from './cache/file-facts.ts';
import type { ModelCache, RuntimeCache } from './cache/model-cache.ts';
import { type Fetch, type Network, systemNetwork } from './net/network.ts';
import { Patience } from './net/patience.ts';
import { openUrl, type UrlFiles, type UrlOptions } from './url-files.ts';

/** A cache that is slower to open is not used. */
const PATIENCE_MS = 5000;

/** What `loadModel` is told to keep downloads in. */
export type CacheOption = 'auto' | 'reload' | 'none' | ModelCache;

/** How the files below an address are read. */
export interface RemoteOptions extends Omit<UrlOptions, 'network' | 'cache'> {
  readonly cache: CacheOption;
  /** In place of the global one. */
  readonly fetch: Fetch | undefined;
  /** In place of that of `fetch`. */
  readonly network?: Network;
}

/** The files below an address, and what keeps them. */
export interface RemoteFiles {
  readonly files: UrlFiles;
  readonly cache: CacheUse;
}

/**
 * Opens an address; nothing is fetched yet. In a file of its own, which models at hand do not load.
 *
 * @throws TypeError where it is no URL; TpaError `ABORTED`
 */
export async function openRemote(address: string, options: RemoteOptions): Promise<RemoteFiles> {
  const { cache: option, fetch, isReload, signal, network = systemNetwork(fetch) } = options;
  const patience = new Patience(network.clock, signal);
  const { cache: chosen, info } = await chooseCache(option, patience);
  const cache = new CacheUse(chosen, info, network.clock, signal);
  const isFresh = isReload || option === 'reload';
  return { files: openUrl(address, { ...options, network, cache, isReload: isFresh }), cache };
}

/**
 * The cache that an option names.
 *
 * @throws TpaError `ABORTED`
 */
export async function chooseCache(option: CacheOption, patience: Patience): Promise<RuntimeCache> {
  if (option === 'none') return noCache('asked for');
  if (typeof option === 'object') {
    return { cache: option, info: { kind: 'custom', reason: 'asked for' } };
  }
  try {
    const { openRuntimeCache } = await import('#cache');
    return await patience.within(openRuntimeCache(), PATIENCE_MS);
  } catch (error) {
    patience.check();
    return noCache(messageOf(error));
  }
}

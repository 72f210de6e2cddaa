import type { HashChecks } from './hashed-files.ts';
import { CacheUse } from './cache/cache-use.ts';
import { chooseCache } from './cache/choose.ts';
import { systemNetwork } from './net/network.ts';
import type { SourceOptions } from './open-source.ts';
import { Patience } from './net/patience.ts';
import { openUrl, type UrlFiles } from './url-files.ts';

/** The files below an address, and what keeps them. */
export interface RemoteFiles {
  readonly files: UrlFiles;
  readonly cache: CacheUse;
}

/**
 * Opens an address; nothing is fetched yet.
 *
 * @throws TypeError where it is no URL; TpaError `ABORTED`
 */
export async function openRemote(
  address: string,
  { cache: option, fetch, isReload, maxWeightBytes, signal }: SourceOptions,
  checks: HashChecks | undefined,
): Promise<RemoteFiles> {
  const network = systemNetwork(fetch);
  const patience = new Patience(network.clock, signal);
  const { cache: chosen, info } = await chooseCache(option, patience);
  const cache = new CacheUse(chosen, info, network.clock, signal);
  const files = openUrl(address, {
    network,
    cache,
    isReload: isReload || option === 'reload',
    checks,
    maxWeightBytes,
    signal,
  });
  return { files, cache };
}

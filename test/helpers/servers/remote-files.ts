import { CacheUse } from '../../../src/download/cache/cache-use.ts';
import type { ModelCache } from '../../../src/download/cache/model-cache.ts';
import type { Network } from '../../../src/download/net/network.ts';
import { openUrl, type UrlFiles } from '../../../src/download/url-files.ts';
import type { ModelFiles } from '../../../src/format/files/model-files.ts';

/** How much faster than ours time runs in a {@link fastNetwork}: a stall of 30 s is 0.6 s. */
const SPEED = 50;

/** The runtime's fetch, in a time of its own. */
export function fastNetwork(fetch: Network['fetch'] = globalThis.fetch): Network & {
  /** Milliseconds that were waited for to their end. */
  readonly waited: number[];
} {
  const waited: number[] = [];
  return {
    waited,
    fetch,
    clock: {
      now: () => performance.now() * SPEED,
      after(milliseconds, task) {
        let isOff = false;
        // after what has come in the meantime: a process that had to wait for a core was not stalled
        const due = () => {
          if (isOff) return;
          waited.push(milliseconds);
          task();
        };
        const timer = setTimeout(() => setImmediate(due), milliseconds / SPEED);
        return () => {
          isOff = true;
          clearTimeout(timer);
        };
      },
    },
  };
}

/** Options of {@link openRemote}. */
export interface RemoteOptions {
  readonly network?: Network;
  readonly signal?: AbortSignal;
  readonly cache?: ModelCache;
  readonly isReload?: boolean;
}

/** The files below an address. */
export function openRemote(
  address: string | URL,
  options: RemoteOptions = {},
): UrlFiles & {
  readonly use: CacheUse;
} {
  const { network = fastNetwork(), signal, cache, isReload = false } = options;
  const info = { kind: cache ? 'custom' : 'none', reason: 'test' } as const;
  const use = new CacheUse(cache, info, network.clock, signal);
  const files = openUrl(String(address), {
    network,
    cache: use,
    isReload,
    checks: undefined,
    maxWeightBytes: 2 ** 32,
    signal,
  });
  return Object.assign(files, { use });
}

/** A file in pieces of `piece` bytes, as the weights are read; undefined where there is none. */
export async function drain(
  files: ModelFiles,
  file: string,
  piece = 1000,
): Promise<Buffer | undefined> {
  const source = await files.open(file);
  if (source === undefined) return undefined;
  const parts: Uint8Array[] = [];
  for (let at = 0; at < source.size; at += piece) {
    parts.push((await source.read(at, Math.min(piece, source.size - at))).slice());
  }
  await source.close();
  return Buffer.concat(parts);
}

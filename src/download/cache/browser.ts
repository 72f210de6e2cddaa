import { messageOf } from '../../base/errors.ts';
import { responseCache } from './cache-api.ts';
import type { RuntimeCache } from './model-cache.ts';

/** Shared by all pages of an origin. */
const NAME = 'tpa-wasm';

/** The Cache API, where a page may use it: a module behind `#cache`. */
export async function openRuntimeCache(): Promise<RuntimeCache> {
  try {
    // there only in secure contexts; where a page may keep nothing, to look at it may throw
    if (globalThis.caches === undefined) {
      return { info: { kind: 'none', reason: 'no Cache API: the page is not a secure context' } };
    }
    const store = await globalThis.caches.open(NAME);
    return {
      cache: responseCache(store),
      info: { kind: 'cache-api', reason: `files are kept in the cache "${NAME}" of this origin` },
    };
  } catch (error) {
    return { info: { kind: 'none', reason: `no Cache API: ${messageOf(error)}` } };
  }
}

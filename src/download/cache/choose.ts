import { messageOf } from '../../base/errors.ts';
import type { ModelCache, RuntimeCache } from './model-cache.ts';
import type { Patience } from '../net/patience.ts';

/** A cache that does not open in this time is gone without. */
const PATIENCE_MS = 5000;

/** What `loadModel` is told to keep downloads in. */
export type CacheOption = 'auto' | 'reload' | 'none' | ModelCache;

/**
 * The cache that an option names.
 *
 * @throws TpaError `ABORTED`
 */
export async function chooseCache(option: CacheOption, patience: Patience): Promise<RuntimeCache> {
  if (option === 'none') return { info: { kind: 'none', reason: 'asked for' } };
  if (typeof option === 'object') {
    return { cache: option, info: { kind: 'custom', reason: 'asked for' } };
  }
  try {
    const { openRuntimeCache } = await import('#cache');
    return await patience.within(openRuntimeCache(), PATIENCE_MS);
  } catch (error) {
    patience.check();
    return { info: { kind: 'none', reason: messageOf(error) } };
  }
}

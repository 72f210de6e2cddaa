import { noCache } from './file-facts.ts';
import type { RuntimeCache } from './model-cache.ts';

/** Edge workers keep nothing: a module behind `#cache`. */
export async function openRuntimeCache(): Promise<RuntimeCache> {
  return noCache('edge workers have no place for files');
}

import type { RuntimeCache } from './model-cache.ts';

/** Opens the cache that this runtime has; asks nobody for permission. */
export declare function openRuntimeCache(): Promise<RuntimeCache>;

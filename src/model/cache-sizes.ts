import { cacheNumbersPerToken, linearStateNumbers } from '../attention/spec.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { bytesOf } from '../layout/numbers.ts';

/** What a cache grows by, all layers. */
export interface CacheSizes {
  /** Bytes of a token; 0 for linear attention. */
  readonly cacheBytesPerToken: number;
  /** Bytes of one state of linear attention; 0 for a cache that grows. */
  readonly stateBytes: number;
}

/** What the caches of a model store, padding aside. */
export function cacheSizes(config: ModelConfig): CacheSizes {
  const spec = attentionSpec(config);
  return {
    cacheBytesPerToken: bytesOf(config.layers * cacheNumbersPerToken(spec)),
    stateBytes: bytesOf(config.layers * linearStateNumbers(spec)),
  };
}

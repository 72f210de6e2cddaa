import { linearStateNumbers } from '../attention/spec.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { bytesOf } from '../layout/numbers.ts';
import { tokenBytes } from '../layout/pages.ts';

/** What a cache grows by, all layers. */
export interface CacheSizes {
  /** Bytes of a token; 0 for linear attention. */
  readonly cacheBytesPerToken: number;
  /** Bytes of one state of linear attention; 0 for a cache that grows. */
  readonly stateBytes: number;
}

/** What the caches of a model store, padding aside. */
export function cacheSizes(config: ModelConfig, dtype?: CacheDtype): CacheSizes {
  const spec = attentionSpec(config);
  return {
    cacheBytesPerToken: config.layers * tokenBytes(spec, dtype),
    stateBytes: bytesOf(config.layers * linearStateNumbers(spec)),
  };
}

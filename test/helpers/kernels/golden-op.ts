import type { AttentionSizes } from '../../reference/attention.ts';
import type { RopePrecision } from '../../reference/rope-table.ts';
import { floats, type Golden } from '../checks/golden.ts';

/** An `op_*` file in the layouts of the twins and of the public API. */
export interface GoldenOp {
  query: { aq: Float32Array; bq: Float32Array; rankQ: number };
  cache: { ak: Float32Array; bk: Float32Array; av: Float32Array; bv: Float32Array };
  sizes: AttentionSizes;
  dim: number;
  ropePrecision: RopePrecision;
}

/** The stored factors (B rotated) and sizes of an `op_*` file; every token is query and key. */
export function goldenOp(golden: Golden): GoldenOp {
  const { config, cos, T } = golden.meta;
  const tokens = T!;
  return {
    query: { aq: floats(golden, 'A_q'), bq: floats(golden, 'B_q'), rankQ: config['q_rank']! },
    cache: {
      ak: floats(golden, 'A_k'),
      bk: floats(golden, 'B_k'),
      av: floats(golden, 'A_v'),
      bv: floats(golden, 'B_v'),
    },
    sizes: {
      tokens,
      cached: tokens,
      heads: config['n_head']!,
      headDim: config['head_dim']!,
      valueDim: config['head_dim']!,
      rankK: config['k_rank']!,
      rankV: config['v_rank']!,
    },
    dim: config['n_embd']!,
    ropePrecision: cos === 'bf16' ? 'bfloat16' : 'float32',
  };
}

import type { AttentionSizes } from '../../reference/attention.ts';
import { floats, tolerance, type Golden } from '../checks/golden.ts';

/** Factors in place of the default 1/√headDim, 1/rankQ, 1/rankK, 1/rankV. */
interface Scales {
  scale?: number;
  scaleQ?: number;
  scaleK?: number;
  scaleV?: number;
}

/** One cache and one query at its last position. */
export interface DecodeCase {
  title: string;
  query: { aq: Float32Array; bq: Float32Array; rankQ: number };
  cache: { ak: Float32Array; bk: Float32Array; av: Float32Array; bv: Float32Array };
  sizes: AttentionSizes;
  scales: Scales;
  /** (heads, valueDim) */
  expected: Float32Array;
  atol: number;
}

/**
 * The cases of a `decode_*` file in the layouts of the twins:
 * - every entry of the batch is a cache of its own with one query at the last of its M positions;
 * - bk (M, D, S) and bv (M, E, SV) hold the rank last: they become (M, rank, width). The rank-1
 *   file has no rank axis, which is the same layout with rank 1;
 * - `out_sigmoid`: the A factors pass through a sigmoid here, before the operation;
 * - `out_custom_scales`: in {@link DecodeCase.scales}; {@link foldScales} moves them into the
 *   factors, for an operation that always applies the default ones.
 */
export function decodeCases(golden: Golden): DecodeCase[] {
  const { config, custom_scales: custom } = golden.meta;
  const { B: batch, M: cached, H: heads, R: rankQ, D: headDim, E: valueDim } = config;
  const rankK = config['S'] ?? 1;
  const rankV = config['SV'] ?? 1;
  const sizes = {
    tokens: 1,
    cached: cached!,
    heads: heads!,
    headDim: headDim!,
    valueDim: valueDim!,
    rankK,
    rankV,
  };
  const entry = (name: string, b: number): Float32Array => {
    const all = floats(golden, name);
    return all.slice((b * all.length) / batch!, ((b + 1) * all.length) / batch!);
  };
  const cases: DecodeCase[] = [];
  for (const output of ['out', 'out_sigmoid', 'out_custom_scales']) {
    if (!golden.tensors.has(output)) continue;
    const gate = output === 'out_sigmoid' ? sigmoid : (a: Float32Array) => a;
    for (let b = 0; b < batch!; b++) {
      cases.push({
        title: `${golden.name} ${output}, batch entry ${b}`,
        query: { aq: gate(entry('aq', b)), bq: entry('bq', b), rankQ: rankQ! },
        cache: {
          ak: gate(entry('ak', b)),
          bk: rankFirst(entry('bk', b), headDim!, rankK),
          av: gate(entry('av', b)),
          bv: rankFirst(entry('bv', b), valueDim!, rankV),
        },
        sizes,
        scales:
          output === 'out_custom_scales' && custom !== undefined
            ? {
                scale: custom.scale,
                scaleQ: custom.scale_q,
                scaleK: custom.scale_k,
                scaleV: custom.scale_v,
              }
            : {},
        expected: entry(output, b),
        atol: tolerance(golden, 'out'),
      });
    }
  }
  return cases;
}

/** The case with its scales multiplied into aq, ak and av, so that the default scales give the same. */
export function foldScales({ query, cache, sizes, scales }: DecodeCase): {
  query: DecodeCase['query'];
  cache: DecodeCase['cache'];
} {
  const defaultScale = 1 / Math.sqrt(sizes.headDim);
  const { scale = defaultScale, scaleQ = 1 / query.rankQ } = scales;
  const { scaleK = 1 / sizes.rankK, scaleV = 1 / sizes.rankV } = scales;
  const queryFactor = (scale / defaultScale) * scaleQ * query.rankQ;
  return {
    query: { ...query, aq: query.aq.map((a) => a * queryFactor) },
    cache: {
      ...cache,
      ak: cache.ak.map((a) => a * scaleK * sizes.rankK),
      av: cache.av.map((a) => a * scaleV * sizes.rankV),
    },
  };
}

function sigmoid(a: Float32Array): Float32Array {
  return a.map((value) => 1 / (1 + Math.exp(-value)));
}

/** (M, width, rank) → (M, rank, width) */
function rankFirst(b: Float32Array, width: number, rank: number): Float32Array {
  return b.map((_, i) => {
    const token = Math.floor(i / (rank * width));
    const r = Math.floor(i / width) % rank;
    return b[(token * width + (i % width)) * rank + r]!;
  });
}

import { type AttentionSpec, logitScale } from '../../../attention/spec.ts';
import { type GraphBuilder, TOKENS } from './graph-builder.ts';

/**
 * Tokens that the past is rounded up to: sums over it run block by block, in parallel. A product
 * with 34 rows and 65,536 terms keeps four workgroups busy, the same in blocks 2,048.
 */
export const PAST_BLOCK = 64;

/** Tokens that queries look at: the past, or the new ones themselves. Names of tensors, n tokens. */
export interface Side {
  /** (n, heads · rankK) and (n, heads · rankV), or fixed (heads, rank); none with K/V heads. */
  readonly ak?: string;
  readonly av?: string;
  /** (n, rankK, headDim) */
  readonly keys: string;
  /** (n, rankV, valueDim); fixed (rankV, valueDim) */
  readonly values: string;
  /** Added to the logits: what broadcasts to (tokens, heads, n), with K/V heads to (G, tokens · H / G, n). */
  readonly mask: string;
  /** n is a multiple of PAST_BLOCK. */
  readonly isPast: boolean;
}

/** The queries of the new tokens. */
export interface GraphQueries {
  /** (tokens, heads, rankQ), or fixed (heads, rankQ) */
  readonly aq?: string;
  /** (tokens, rankQ, headDim); without aq the full query (tokens, heads, headDim) */
  readonly bq: string;
  readonly rankQ: number;
}

/** Numbers of the largest tensor between scores and sums, for a query and a token it looks at. */
export function scoreNumbers(
  { heads, rankK, rankV, headFactors }: AttentionSpec,
  rankQ: number,
): number {
  if (headFactors === 'groups') return heads;
  return Math.max(heads, rankQ) * Math.max(rankK, rankV);
}

/** What attention over K/V heads and over factors do in different ways. */
interface Form {
  /** Logits of a side, to which its mask is added. */
  scores(side: Side): string;
  /** Values of a side, summed up under its weights. */
  sum(weights: string, side: Side): string;
  /** (tokens, heads · valueDim) of the sum of all sides */
  finish(sum: string): string;
}

/**
 * Softmax attention over all sides at once.
 *
 * @param sides the past comes first
 * @returns (tokens, heads · valueDim)
 */
export function attendGraph(
  g: GraphBuilder,
  spec: AttentionSpec,
  queries: GraphQueries,
  sides: readonly Side[],
): string {
  const scale = logitScale(spec, queries.rankQ);
  const form =
    spec.headFactors === 'groups'
      ? denseForm(g, spec, g.scale(queries.bq, scale))
      : factoredForm(g, spec, queries, scale);
  const logits = sides.map((side) => g.add(form.scores(side), side.mask));
  const weights = g.softmax(g.concat(logits, 2));
  const parts = sides.length === 1 ? [weights] : g.split(weights, 2, { past: 1 }, TOKENS);
  const sums = sides.map((side, i) => form.sum(parts[i]!, side));
  return form.finish(sums.reduce((a, b) => g.add(a, b)));
}

/** Factors are never expanded. */
function factoredForm(
  g: GraphBuilder,
  { heads, headDim, valueDim, rankK, rankV, headFactors, featureFactors }: AttentionSpec,
  { aq, bq, rankQ }: GraphQueries,
  scale: number,
): Form {
  /** (heads, n, rank) from (n, heads · rank); (heads, 1, rank) of a fixed factor (heads, rank). */
  const headRows = (a: string, rank: number) =>
    headFactors === 'fixed'
      ? g.reshape(a, heads, 1, rank)
      : g.transpose(g.reshape(a, -1, heads, rank), 1, 0, 2);
  return {
    /** L[h,m] = Σ_s A_K[m,s,h] Σ_r A_Q[r,h] ⟨B_Q[r], B_K[m,s]⟩ (paper, Algorithm 1): (tokens, heads, n) */
    scores({ ak, keys }) {
      const rows = g.reshape(bq, -1, headDim);
      const products = g.matmulTransposed(rows, g.reshape(keys, -1, headDim), scale);
      const mixed =
        aq === undefined
          ? g.reshape(products, { tokens: 1 }, heads, -1)
          : g.matmul(aq, g.reshape(products, { tokens: 1 }, rankQ, -1));
      const terms = g.multiply(g.reshape(mixed, 0, 0, -1, rankK), headRows(ak!, rankK));
      return rankK === 1 ? g.reshape(terms, 0, 0, -1) : g.sum(terms, -1);
    },
    /** Σ_m Σ_u α[h,m] A_V[m,u,h] B_V[m,u] (paper, Algorithm 1): (tokens · heads, valueDim) */
    sum(weights, { av, values, isPast }) {
      const factors = headRows(av!, rankV);
      const weighted = g.multiply(g.reshape(weights, 0, 0, -1, 1), factors); // (tokens, heads, n, rankV)
      if (featureFactors === 'fixed') {
        return g.matmul(g.reshape(g.sum(weighted, 2), -1, rankV), values);
      }
      const rows = { tokens: heads };
      if (!isPast) return g.matmul(g.reshape(weighted, rows, -1), g.reshape(values, -1, valueDim));
      const block = PAST_BLOCK * rankV;
      const blocks = g.transpose(g.reshape(weighted, rows, -1, block), 1, 0, 2);
      return g.sum(g.matmul(blocks, g.reshape(values, -1, block, valueDim)), 0);
    },
    finish: (sum) => g.reshape(g.scale(sum, 1 / rankV), -1, heads * valueDim),
  };
}

/** @param queries (tokens, heads, headDim), scaled */
function denseForm(
  g: GraphBuilder,
  { heads, headDim, valueDim, rankK, rankV }: AttentionSpec,
  queries: string,
): Form {
  const byGroup = g.transpose(g.reshape(queries, 0, rankK, heads / rankK, headDim), 1, 0, 2, 3);
  const query = g.reshape(byGroup, rankK, -1, headDim); // (G, tokens · H / G, headDim)
  return {
    /** (G, tokens · H / G, n) */
    scores: ({ keys }) => g.matmul(query, g.transpose(keys, 1, 2, 0)),
    /** (G, tokens · H / G, valueDim) */
    sum(weights, { values, isPast }) {
      if (!isPast) return g.matmul(weights, g.transpose(values, 1, 0, 2));
      const rows = { tokens: heads / rankV };
      const blocks = g.transpose(g.reshape(weights, rankV, rows, -1, PAST_BLOCK), 0, 2, 1, 3);
      const groups = g.transpose(g.reshape(values, -1, PAST_BLOCK, rankV, valueDim), 2, 0, 1, 3);
      return g.sum(g.matmul(blocks, groups), 1);
    },
    finish(sum) {
      const grouped = g.reshape(sum, 0, -1, heads / rankV, valueDim);
      return g.reshape(g.transpose(grouped, 1, 0, 2, 3), -1, heads * valueDim);
    },
  };
}

import type { ModelConfig } from '../../index.ts';

/** What the paper's models have, whatever their size (Tables 9 and 10). */
export const PAPER = { headDim: 64, rank: 2, queryRank: 6, ropeDim: 32 } as const;

/** Models with equally many parameters: their shape, and the heads that each mechanism affords. */
const SIZES = [
  { name: 'small', layers: 12, dim: 768, tpa: 34, 'tpa-kvonly': 22, mqa: 23, gqa: 22, mla: 12 },
  { name: 'medium', layers: 24, dim: 1024, tpa: 47, 'tpa-kvonly': 29, mqa: 31, gqa: 30, mla: 23 },
  { name: 'large', layers: 36, dim: 1280, tpa: 61, 'tpa-kvonly': 37, mqa: 39, gqa: 38, mla: 34 },
  { name: 'XL', layers: 48, dim: 1600, tpa: 78, 'tpa-kvonly': 47, mqa: 49, gqa: 48, mla: 49 },
] as const;

/** The multi-head attention model with as many parameters. */
export interface MatchedMha {
  /** The paper's name for the size. */
  readonly name: string;
  readonly heads: number;
  /** Numbers a layer of it caches for each token. */
  readonly numbersPerToken: number;
}

/** The parameter-matched MHA model, where the model is one of the paper's; else undefined. */
export function matchedMha(config: ModelConfig): MatchedMha | undefined {
  const { layout, layers, dim, heads, headDim, mechanism } = config;
  const size = SIZES.find((known) => known.layers === layers && known.dim === dim);
  if (layout !== 't6' || headDim !== PAPER.headDim || size === undefined) return undefined;
  const mhaHeads = dim / PAPER.headDim;
  const known: Readonly<Record<string, unknown>> = { ...size, mha: mhaHeads };
  if (known[mechanism] !== heads || !hasPaperSizes(config)) return undefined;
  return { name: size.name, heads: mhaHeads, numbersPerToken: 2 * dim };
}

/** d_c and d'_c of the MLA model of a width. */
export function paperLatents(dim: number): { latentDim: number; queryRank: number } {
  return dim < 1024 ? { latentDim: 256, queryRank: 512 } : { latentDim: 512, queryRank: 1024 };
}

/** Whether the sizes that the mechanism has besides its heads are the paper's. */
function hasPaperSizes({ mechanism, dim, rankQ, rankK, rankV, kvHeads, latent }: ModelConfig) {
  const hasRanks = rankK === PAPER.rank && rankV === PAPER.rank;
  switch (mechanism) {
    case 'tpa':
      return hasRanks && rankQ === PAPER.queryRank;
    case 'tpa-kvonly':
      return hasRanks;
    case 'gqa':
      return kvHeads === 2;
    case 'mla': {
      const { latentDim, queryRank } = paperLatents(dim);
      const isLatent = latent!.latentDim === latentDim && latent!.queryRank === queryRank;
      return isLatent && latent!.ropeDim === PAPER.ropeDim && latent!.valueDim === PAPER.headDim;
    }
    default:
      return true;
  }
}

import type { ModelConfig } from '../../index.ts';

/** A size of the paper (Tables 9 and 10): models with equally many parameters, headDim 64. */
interface PaperSize {
  readonly name: string;
  readonly layers: number;
  readonly dim: number;
  /** Heads that each mechanism affords for these parameters. */
  readonly heads: Readonly<Record<PaperMechanism, number>>;
  /** d_c and d'_c of MLA. */
  readonly latentDim: number;
  readonly queryRank: number;
}

type PaperMechanism = 'tpa' | 'tpa-kvonly' | 'mha' | 'mqa' | 'gqa' | 'mla';

const HEAD_DIM = 64;
const RANK = 2;
const QUERY_RANK = 6;
const KV_HEADS = 2;
const ROPE_DIM = 32;

const SIZES: readonly PaperSize[] = [
  {
    name: 'small',
    layers: 12,
    dim: 768,
    latentDim: 256,
    queryRank: 512,
    heads: { tpa: 34, 'tpa-kvonly': 22, mha: 12, mqa: 23, gqa: 22, mla: 12 },
  },
  {
    name: 'medium',
    layers: 24,
    dim: 1024,
    latentDim: 512,
    queryRank: 1024,
    heads: { tpa: 47, 'tpa-kvonly': 29, mha: 16, mqa: 31, gqa: 30, mla: 23 },
  },
  {
    name: 'large',
    layers: 36,
    dim: 1280,
    latentDim: 512,
    queryRank: 1024,
    heads: { tpa: 61, 'tpa-kvonly': 37, mha: 20, mqa: 39, gqa: 38, mla: 34 },
  },
  {
    name: 'XL',
    layers: 48,
    dim: 1600,
    latentDim: 512,
    queryRank: 1024,
    heads: { tpa: 78, 'tpa-kvonly': 47, mha: 25, mqa: 49, gqa: 48, mla: 49 },
  },
];

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
  const { layout, layers, dim, heads, headDim } = config;
  if (layout !== 't6' || headDim !== HEAD_DIM) return undefined;
  const size = SIZES.find((known) => known.layers === layers && known.dim === dim);
  if (size === undefined) return undefined;
  const mechanism = paperMechanism(config, size);
  if (mechanism === undefined || size.heads[mechanism] !== heads) return undefined;
  const { mha } = size.heads;
  return { name: size.name, heads: mha, numbersPerToken: 2 * mha * HEAD_DIM };
}

/** The mechanism, where its other sizes are the paper's. */
function paperMechanism(config: ModelConfig, size: PaperSize): PaperMechanism | undefined {
  const { mechanism, rankQ, rankK, rankV, kvHeads, latent } = config;
  const hasPaperRanks = rankK === RANK && rankV === RANK;
  switch (mechanism) {
    case 'tpa':
      return hasPaperRanks && rankQ === QUERY_RANK ? mechanism : undefined;
    case 'tpa-kvonly':
      return hasPaperRanks ? mechanism : undefined;
    case 'gqa':
      return kvHeads === KV_HEADS ? mechanism : undefined;
    case 'mla': {
      const { queryRank, latentDim, ropeDim, valueDim } = latent!;
      const isPaper = queryRank === size.queryRank && latentDim === size.latentDim;
      return isPaper && ropeDim === ROPE_DIM && valueDim === HEAD_DIM ? mechanism : undefined;
    }
    case 'mha':
    case 'mqa':
      return mechanism;
    default:
      return undefined;
  }
}

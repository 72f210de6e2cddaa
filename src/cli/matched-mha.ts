import type { ModelConfig } from '../index.ts';

/** A size of the paper (Tables 9 and 10): models with equally many parameters, headDim 64. */
interface PaperSize {
  readonly name: string;
  readonly layers: number;
  readonly dim: number;
  /** Heads that each mechanism affords for these parameters. */
  readonly heads: Readonly<Record<'tpa' | 'tpa-kvonly' | 'mha', number>>;
}

const HEAD_DIM = 64;
const RANK = 2;
const QUERY_RANK = { tpa: 6, 'tpa-kvonly': 0 };

const SIZES: readonly PaperSize[] = [
  { name: 'small', layers: 12, dim: 768, heads: { tpa: 34, 'tpa-kvonly': 22, mha: 12 } },
  { name: 'medium', layers: 24, dim: 1024, heads: { tpa: 47, 'tpa-kvonly': 29, mha: 16 } },
  { name: 'large', layers: 36, dim: 1280, heads: { tpa: 61, 'tpa-kvonly': 37, mha: 20 } },
  { name: 'XL', layers: 48, dim: 1600, heads: { tpa: 78, 'tpa-kvonly': 47, mha: 25 } },
];

/** The multi-head attention model with as many parameters. */
export interface MatchedMha {
  /** The paper's name for the size. */
  readonly name: string;
  readonly heads: number;
}

/** The parameter-matched MHA model, where the model is one of the paper's; else undefined. */
export function matchedMha(config: ModelConfig): MatchedMha | undefined {
  const { mechanism, layers, dim, heads, headDim, rankQ, rankK, rankV } = config;
  if (mechanism !== 'tpa' && mechanism !== 'tpa-kvonly') return undefined;
  if (headDim !== HEAD_DIM || rankK !== RANK || rankV !== RANK) return undefined;
  if (rankQ !== QUERY_RANK[mechanism]) return undefined;
  const size = SIZES.find(
    (known) => known.layers === layers && known.dim === dim && known.heads[mechanism] === heads,
  );
  return size && { name: size.name, heads: size.heads.mha };
}

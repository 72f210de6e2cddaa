import { cacheNumbersPerToken, type AttentionSpec } from '../../src/attention/spec.ts';

/** Widths of the residual stream in the paper's decode figures (5, 7 and 8). */
export const DIMS: readonly number[] = [1024, 2048, 3072];

/** Cached tokens, 2^12 to 2^17. */
export const CONTEXTS: readonly number[] = [12, 13, 14, 15, 16, 17].map((power) => 2 ** power);

const HEAD_DIM = 64;
const RANK_Q = 16;
const GROUPS = 4;

/** Sizes of MLA: d_c, the rotated key that all heads share, and what each head is made of. */
export const LATENT = { latentDim: 512, ropeDim: 32, headDim: HEAD_DIM, valueDim: HEAD_DIM };

/** What one layer of a mechanism caches and computes, for any number of heads. */
export interface Mechanism {
  readonly name: 'MHA' | 'MQA' | 'GQA-4' | 'MLA' | 'TPA';
  /** Numbers cached for each token, in the paper's notation. */
  readonly formula: string;
  /** 0 for a full query. */
  readonly rankQ: number;
  spec(heads: number): AttentionSpec;
  /** Multiply-adds of one query for each cached token. */
  macsPerToken(heads: number): number;
  /** Multiply-adds of one query whatever the context. */
  macsPerStep(heads: number): number;
}

/** In the order of the paper's Table 1; TPA last, which the others are compared with. */
export const MECHANISMS: readonly Mechanism[] = [
  grouped('MHA', '2 h d', (heads) => heads),
  grouped('MQA', '2 d', () => 1),
  grouped('GQA-4', '2 · 4 d', () => GROUPS),
  {
    name: 'MLA',
    formula: 'd_c + d_rope',
    rankQ: 0,
    spec: (heads) => ({
      heads,
      headDim: LATENT.latentDim + LATENT.ropeDim,
      valueDim: LATENT.latentDim,
      rankK: 1,
      rankV: 1,
      headFactors: 'groups',
      featureFactors: 'latent',
      scale: 1 / Math.sqrt(LATENT.headDim + LATENT.ropeDim),
    }),
    macsPerToken: (heads) => heads * (2 * LATENT.latentDim + LATENT.ropeDim),
    macsPerStep: (heads) => heads * LATENT.latentDim * (LATENT.headDim + LATENT.valueDim),
  },
  {
    name: 'TPA',
    formula: '(R_K + R_V)(h + d)',
    rankQ: RANK_Q,
    spec: (heads) => ({ heads, headDim: HEAD_DIM, valueDim: HEAD_DIM, rankK: 1, rankV: 1 }),
    macsPerToken: (heads) => RANK_Q * (HEAD_DIM + heads) + heads * HEAD_DIM,
    macsPerStep: () => 0,
  },
];

/** Query heads of a layer of this width. */
export function headsOf(dim: number): number {
  return dim / HEAD_DIM;
}

/** Bytes one layer caches for `tokens` tokens, page padding left out. */
export function cacheBytes(mechanism: Mechanism, heads: number, tokens: number): number {
  return 4 * cacheNumbersPerToken(mechanism.spec(heads)) * tokens;
}

/** Memory that a cache would grow in; bytes. */
export interface Room {
  /** Left of the WebAssembly memory at its largest. */
  readonly engine: number;
  /** Free on the machine, what the memory already has of it included. */
  readonly machine: number;
}

/** Why a cache that needs `bytes` more is left out, undefined where it fits. */
export function skipReason(bytes: number, { engine, machine }: Room): string | undefined {
  const full = bytes > engine ? 'the wasm memory' : 'the machine';
  const left = Math.min(engine, machine);
  if (bytes > left) return `${gigabytes(bytes)} more needed, ${full} has ${gigabytes(left)} left`;
  return undefined;
}

function grouped(
  name: Mechanism['name'],
  formula: string,
  kvHeads: (heads: number) => number,
): Mechanism {
  return {
    name,
    formula,
    rankQ: 0,
    spec: (heads) => ({
      heads,
      headDim: HEAD_DIM,
      valueDim: HEAD_DIM,
      rankK: kvHeads(heads),
      rankV: kvHeads(heads),
      headFactors: 'groups',
    }),
    macsPerToken: (heads) => 2 * heads * HEAD_DIM,
    macsPerStep: () => 0,
  };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

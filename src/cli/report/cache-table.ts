import type { Mechanism, ModelConfig, ModelInfo } from '../../index.ts';
import { count, decimals } from './table.ts';

/** Cache of one mechanism with a model's heads, the paper's Table 1 with numbers in it. */
export interface CacheRow {
  readonly mechanism: string;
  /** Numbers a layer caches for each token, as a product of the model's sizes. */
  readonly formula: string;
  readonly numbersPerToken: number;
  /** All layers. */
  readonly bytesPerToken: number;
  /** How many times the model's own; null where that does not grow with the context. */
  readonly ratio: number | null;
  /** Whether it is the model's own. */
  readonly isModel: boolean;
}

type Cost = Pick<CacheRow, 'mechanism' | 'formula' | 'numbersPerToken'> & {
  readonly of: readonly Mechanism[];
};

const BYTES_PER_NUMBER = 4;
/** Where the model has none: what the paper's models have. */
const PAPER_RANK = 2;
const PAPER_KV_HEADS = 4;
const PAPER_ROPE_DIM = 32;

/** Every mechanism of the paper's Table 1, and the model's own if it is not among them. */
export function cacheTable(
  config: ModelConfig,
  { cacheBytesPerToken }: Pick<ModelInfo, 'cacheBytesPerToken'>,
): CacheRow[] {
  const costs = [...denseCosts(config), latentCost(config), ...factorCosts(config)];
  const own = costs.some(({ of }) => of.includes(config.mechanism)) ? [] : [variantCost(config)];
  return [...costs, ...own].map(({ of, mechanism, formula, numbersPerToken }) => {
    const bytesPerToken = config.layers * numbersPerToken * BYTES_PER_NUMBER;
    return {
      mechanism,
      formula,
      numbersPerToken,
      bytesPerToken,
      ratio: cacheBytesPerToken === 0 ? null : bytesPerToken / cacheBytesPerToken,
      isModel: of.includes(config.mechanism),
    };
  });
}

/** Aligned lines, the model's row marked. */
export function renderCacheTable(rows: readonly CacheRow[]): string {
  const cells = rows.map(
    ({ mechanism, formula, numbersPerToken, bytesPerToken, ratio, isModel }) => [
      `${isModel ? '*' : ' '} ${mechanism}`,
      `${formula} = ${count(numbersPerToken)}`,
      count(bytesPerToken),
      ratio === null ? '' : decimals(ratio),
    ],
  );
  const lines = [['  mechanism', 'numbers a layer', 'bytes', 'times the model'], ...cells];
  const lengths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length)),
  );
  const pad = (cell: string, column: number) =>
    column < 2 ? cell.padEnd(lengths[column]!) : cell.padStart(lengths[column]!);
  return lines.map((line) => `${line.map(pad).join('  ').trimEnd()}\n`).join('');
}

/** MHA, MQA and GQA: K and V of each K/V head. */
function denseCosts(config: ModelConfig): Cost[] {
  const { heads, mechanism } = config;
  const groups = mechanism === 'gqa' ? config.kvHeads : Math.min(PAPER_KV_HEADS, heads);
  const { key, value } = widths(config);
  const dense = (name: string, of: Mechanism, kvHeads: number): Cost => ({
    of: [of],
    mechanism: name,
    formula: key === value ? `2 · ${kvHeads} · ${key}` : `${kvHeads} (${key} + ${value})`,
    numbersPerToken: kvHeads * (key + value),
  });
  return [
    dense('MHA', 'mha', heads),
    dense('MQA', 'mqa', 1),
    dense(`GQA, ${groups} K/V heads`, 'gqa', groups),
  ];
}

/** MLA: one latent and one rotated key; the paper's sizes unless the model has them. */
function latentCost({ dim, latent }: ModelConfig): Cost {
  // Tables 9 and 10: 256 at a width of 768, 512 from 1,024 on.
  const { latentDim, ropeDim } = latent ?? {
    latentDim: dim < 1024 ? 256 : 512,
    ropeDim: PAPER_ROPE_DIM,
  };
  return {
    of: ['mla'],
    mechanism: 'MLA',
    formula: `${latentDim} + ${ropeDim}`,
    numbersPerToken: latentDim + ropeDim,
  };
}

/** TPA, however its query is made: A and B of each rank. */
function factorCosts(config: ModelConfig): Cost[] {
  const { heads } = config;
  const { key, value } = widths(config);
  const { rankK, rankV } = ranks(config);
  const cost = {
    formula:
      key === value
        ? `(${rankK} + ${rankV}) (${heads} + ${key})`
        : `${rankK} (${heads} + ${key}) + ${rankV} (${heads} + ${value})`,
    numbersPerToken: rankK * (heads + key) + rankV * (heads + value),
  };
  return [
    { of: ['tpa-kvonly'], mechanism: 'TPA-KVonly', ...cost },
    { of: ['tpa', 'tpa-sigmoid'], mechanism: 'TPA', ...cost },
  ];
}

/** The variants of TPA that cache some of the factors, and linear attention, which caches none. */
function variantCost({ mechanism, heads, headDim, rankK, rankV, outerDim }: ModelConfig): Cost {
  const row = { of: [mechanism], mechanism };
  const inner = headDim / outerDim;
  switch (mechanism) {
    case 'tpa-nonctx-a':
      return {
        ...row,
        formula: `(${rankK} + ${rankV}) ${headDim}`,
        numbersPerToken: (rankK + rankV) * headDim,
      };
    case 'tpa-nonctx-b':
      return {
        ...row,
        formula: `(${rankK} + ${rankV}) ${heads}`,
        numbersPerToken: (rankK + rankV) * heads,
      };
    case 'tpa-shared-b':
      return {
        ...row,
        formula: `${rankK} · ${heads} + ${rankV} (${heads} + ${headDim})`,
        numbersPerToken: rankK * heads + rankV * (heads + headDim),
      };
    case 'tpa-third-order':
      return {
        ...row,
        formula: `(${rankK} + ${rankV}) (${heads} + ${inner} + ${outerDim})`,
        numbersPerToken: (rankK + rankV) * (heads + inner + outerDim),
      };
    default:
      return { ...row, formula: 'a state of constant size', numbersPerToken: 0 };
  }
}

/** Width of a key and of a value of a head. */
function widths({ headDim, latent }: ModelConfig): { key: number; value: number } {
  return { key: headDim + (latent?.ropeDim ?? 0), value: latent?.valueDim ?? headDim };
}

function ranks({ headFactors, rankK, rankV }: ModelConfig): { rankK: number; rankV: number } {
  return headFactors === 'groups' ? { rankK: PAPER_RANK, rankV: PAPER_RANK } : { rankK, rankV };
}

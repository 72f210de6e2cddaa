import type { Mechanism, ModelConfig, ModelInfo } from '../../index.ts';
import { PAPER, paperLatents } from './paper-models.ts';
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

/** Weights and factors are float32, the only width so far. */
export const BYTES_PER_NUMBER = 4;

/** K/V heads of GQA where the model has none. */
const USUAL_KV_HEADS = 4;

/** So many times the sum of these widths. */
type Term = readonly [count: number, ...widths: number[]];

/** A row, the mechanisms of models that it stands for, and what is cached for a token. */
type Cost = readonly [row: string, of: readonly Mechanism[], terms: readonly Term[]];

/** Every mechanism of the paper's Table 1, and the model's own if it is not among them. */
export function cacheTable(
  config: ModelConfig,
  { cacheBytesPerToken }: Pick<ModelInfo, 'cacheBytesPerToken'>,
): CacheRow[] {
  const costs = [...paperCosts(config), ...variantCosts(config)];
  return costs.map(([mechanism, of, terms]) => {
    const numbersPerToken = sum(terms.map(([times, ...widths]) => times * sum(widths)));
    const bytesPerToken = config.layers * numbersPerToken * BYTES_PER_NUMBER;
    return {
      mechanism,
      formula: formulaOf(terms),
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

/** The paper's mechanisms with the model's sizes; where it has none, with those of the paper. */
function paperCosts(config: ModelConfig): Cost[] {
  const { heads, headDim, headFactors, kvHeads, latent, mechanism } = config;
  const key = headDim + (latent?.ropeDim ?? 0);
  const value = latent?.valueDim ?? headDim;
  const dense = (times: number): Term[] => [
    [times, key],
    [times, value],
  ];
  const groups = mechanism === 'gqa' ? kvHeads : Math.min(USUAL_KV_HEADS, heads);
  const { latentDim, ropeDim } = latent ?? { ...PAPER, ...paperLatents(config.dim) };
  const hasRanks = headFactors !== 'groups';
  const factors: Term[] = [
    [hasRanks ? config.rankK : PAPER.rank, heads, key],
    [hasRanks ? config.rankV : PAPER.rank, heads, value],
  ];
  return [
    ['MHA', ['mha'], dense(heads)],
    ['MQA', ['mqa'], dense(1)],
    [`GQA, ${groups} K/V heads`, ['gqa'], dense(groups)],
    ['MLA', ['mla'], [[1, latentDim, ropeDim]]],
    ['TPA-KVonly', ['tpa-kvonly'], factors],
    ['TPA', ['tpa', 'tpa-sigmoid'], factors],
  ];
}

/** TPA that caches some of the factors, and linear attention, which caches none. */
function variantCosts({ mechanism, heads, headDim, rankK, rankV, outerDim }: ModelConfig): Cost[] {
  const inner = headDim / outerDim;
  const terms: Partial<Record<Mechanism, Term[]>> = {
    'tpa-nonctx-a': [
      [rankK, headDim],
      [rankV, headDim],
    ],
    'tpa-nonctx-b': [
      [rankK, heads],
      [rankV, heads],
    ],
    'tpa-shared-b': [
      [rankK, heads],
      [rankV, heads, headDim],
    ],
    'tpa-third-order': [
      [rankK, heads, inner, outerDim],
      [rankV, heads, inner, outerDim],
    ],
    linear: [],
  };
  const own = terms[mechanism];
  return own === undefined ? [] : [[mechanism, [mechanism], own]];
}

/** `2 · 34 · 64`, `(2 + 2) (34 + 64)`, `256 + 32`. */
function formulaOf(terms: readonly Term[]): string {
  const [k, v] = terms;
  if (k === undefined) return 'a state of constant size';
  const isAlike = v !== undefined && String(k.slice(1)) === String(v.slice(1));
  if (!isAlike) return terms.map(product).join(' + ');
  if (k.length === 2 && k[0] === v[0]) return `2 · ${k[0]} · ${k[1]}`;
  return `(${k[0]} + ${v[0]}) (${k.slice(1).join(' + ')})`;
}

function product([times, ...widths]: Term): string {
  if (times === 1) return widths.join(' + ');
  return widths.length === 1 ? `${times} · ${widths[0]}` : `${times} (${widths.join(' + ')})`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

import { attentionInputs } from '../helpers/kernels/attention-shape.ts';
import { assertSame } from '../helpers/checks/close.ts';
import {
  appendTo,
  type CacheSizes,
  createPages,
  PAGE_TOKENS,
  pageNumbers,
} from '../helpers/kernels/kernel-attention.ts';
import { kernelSuite, MISALIGNMENTS } from '../helpers/kernels/kernel-bench.ts';

/** Tokens of a tile. */
const TILE = 48;

const SIZES: readonly CacheSizes[] = [
  { heads: 1, headDim: 1, valueDim: 1, rankK: 1, rankV: 1 },
  { heads: 3, headDim: 5, valueDim: 7, rankK: 2, rankV: 3 },
  { heads: 4, headDim: 16, valueDim: 16, rankK: 1, rankV: 1 },
  { heads: 7, headDim: 33, valueDim: 18, rankK: 3, rankV: 2 },
];

function tileRow(part: number, perTile: number, row: number, t: number): number {
  return part + Math.floor(t / TILE) * perTile * TILE + row * TILE + (t % TILE);
}

/** Where number `i` of token `t` of each factor lies in its page, in the words of tiles.ts. */
function cellsOf({ heads, headDim, valueDim, rankK, rankV }: CacheSizes) {
  const valueStride = Math.ceil(valueDim / 4) * 4;
  const akAt = PAGE_TOKENS * rankK * headDim;
  const avAt = akAt + PAGE_TOKENS * rankK * heads;
  const bvAt = avAt + PAGE_TOKENS * rankV * heads;
  // ak and av come as (heads, rank) and lie as (rank, heads)
  const swap = (i: number, rank: number) => (i % rank) * heads + Math.floor(i / rank);
  return {
    bk: (t: number, i: number) => tileRow(0, rankK * headDim, i, t),
    ak: (t: number, i: number) => tileRow(akAt, rankK * heads, swap(i, rankK), t),
    av: (t: number, i: number) => tileRow(avAt, rankV * heads, swap(i, rankV), t),
    bv: (t: number, i: number) =>
      bvAt + (Math.floor(i / valueDim) * PAGE_TOKENS + t) * valueStride + (i % valueDim),
  };
}

await kernelSuite('appendFactors()', ({ test, bench }) => {
  test('writes each number to its cell and nothing else, over 4 pages, in any pieces', () => {
    for (const sizes of SIZES) {
      for (const misalignment of MISALIGNMENTS) {
        for (const [start, ...cuts] of [
          [0, 200],
          [0, 1, 3, 47, 48, 49, 95, 96, 97, 200, 300],
          [63, 66, 130],
          [95, 96, 97],
        ] as const) {
          const cached = cuts.at(-1)!;
          const shape = { ...sizes, tokens: 1, cached, rankQ: 1, isKvOnly: false };
          const { cache } = attentionInputs({ ...shape, deviation: 1, seed: cached });
          const pages = createPages(bench, sizes, cached, { misalignment });
          let from: number = start!;
          for (const to of cuts) {
            appendTo(pages, cache, from, to);
            from = to;
          }
          pages.guarded.assertCanaries();

          const numbers = pageNumbers(sizes);
          const expected = pages.pages.map(() => new Float32Array(numbers).fill(NaN));
          const cells = cellsOf(sizes);
          for (const part of ['ak', 'bk', 'av', 'bv'] as const) {
            const width = cache[part].length / cached;
            for (let t: number = start!; t < cached; t++) {
              for (let i = 0; i < width; i++) {
                const page = expected[Math.floor(t / PAGE_TOKENS)]!;
                page[cells[part](t % PAGE_TOKENS, i)] = cache[part][t * width + i]!;
              }
            }
          }
          const what = `${JSON.stringify(sizes)}, ${start} … ${cuts.join(' ')}`;
          for (const [i, page] of pages.pages.entries()) {
            assertSame(pages.guarded.read(page), expected[i]!, `${what}, page ${i}`);
          }
        }
      }
    }
  });
});

import * as assert from 'uvu/assert';
import {
  fillPages,
  formInputs,
  formShape,
  type FormShape,
} from '../helpers/kernels/cache-forms.ts';
import { assertSame } from '../helpers/checks/close.ts';
import type { PagesInMemory } from '../helpers/kernels/kernel-attention.ts';
import { kernelSuite, MISALIGNMENTS, withoutStride } from '../helpers/kernels/kernel-bench.ts';
import { storedWidths } from '../reference/cache-forms.ts';

const BASE = formShape('contextual', [3, 5, 7], [0, 2, 3], { seed: 11 });

const SHAPES: readonly FormShape[] = [
  BASE,
  { ...BASE, heads: 1, headDim: 1, valueDim: 1, rankK: 1, rankV: 1 },
  { ...BASE, heads: 7, headDim: 33, valueDim: 18, rankK: 3, rankV: 2 },
  { ...BASE, isFixedA: true },
  { ...BASE, form: 'fixed', pairs: 2 },
  { ...BASE, form: 'shared', headDim: 7, rankK: 3, pairs: 3 },
  { ...BASE, form: 'shared', headDim: 7, rankK: 3, pairs: 3, isFixedA: true },
  { ...BASE, form: 'outer', headDim: 6, valueDim: 9, outerDim: 3 },
  { ...BASE, form: 'latent', headDim: 18, valueDim: 13, rankK: 1, rankV: 1, isFixedA: true },
  { ...BASE, form: 'latent', headDim: 18, valueDim: 13, rankV: 2 },
];

/** Four pages, the last not full. */
const CACHED = 301;

/** Odd starts and sizes, one page and several, ends of tiles and pages, one token, all of them. */
const RANGES = [
  [0, 301],
  [1, 298],
  [47, 2],
  [48, 48],
  [95, 1],
  [95, 98],
  [133, 61],
  [191, 110],
  [300, 1],
] as const;

const PARTS = ['ak', 'bk', 'av', 'bv'] as const;

/** Numbers of a token that a cache of this shape holds, by factor. */
function widthsOf(sizes: FormShape): Record<(typeof PARTS)[number], number> {
  const { heads, rankK, rankV, isFixedA } = sizes;
  const { key, value } = storedWidths(sizes);
  const headRows = isFixedA ? 0 : heads;
  return { ak: headRows * rankK, bk: rankK * key, av: headRows * rankV, bv: rankV * value };
}

await kernelSuite('readFactors()', ({ test, bench, kernels }) => {
  /** Reads a range, each factor into rows with a gap of its own; gaps stay as they were. */
  const read = (
    { guarded, misalignment, pagesAt, shapeAt }: PagesInMemory,
    sizes: FormShape,
    [first, count]: readonly [number, number],
  ) => {
    const widths = widthsOf(sizes);
    const outs = PARTS.map((part, i) => {
      const stride = widths[part] + i + 1;
      return { region: guarded.region(part, count * stride, misalignment), stride };
    });
    const words = outs.flatMap(({ region, stride }) => [region.pointer, stride]);
    const rowsAt = guarded.regionOf('rows', Int32Array.from(words), misalignment).pointer;
    kernels.readFactors(pagesAt, shapeAt, first, count, rowsAt);
    guarded.assertCanaries();
    return outs.map(({ region, stride }, i) =>
      withoutStride(guarded.read(region), widths[PARTS[i]!], stride),
    );
  };

  for (const sizes of SHAPES) {
    const { form, heads, headDim, isFixedA } = sizes;
    const title = `B ${form}, A ${isFixedA ? 'fixed' : 'contextual'}, h ${heads}, d ${headDim}`;

    test(`${title}: gives back what was appended bit for bit, writes nothing else`, () => {
      const { stored } = formInputs(sizes, 1, CACHED);
      const widths = widthsOf(sizes);
      for (const misalignment of MISALIGNMENTS) {
        for (const [first, count] of RANGES) {
          const pages = fillPages(bench, sizes, stored, CACHED, misalignment);
          const before = pages.pages.map((page) => pages.guarded.read(page));
          const parts = read(pages, sizes, [first, count]);
          for (const [i, part] of PARTS.entries()) {
            const width = widths[part];
            const expected = Float32Array.from(stored[part]).subarray(
              first * width,
              (first + count) * width,
            );
            assert.is(parts[i]!.length, count * width);
            if (width > 0) assertSame(parts[i]!, expected, `${part} of ${count} from ${first}`);
          }
          for (const [i, page] of pages.pages.entries()) {
            assertSame(pages.guarded.read(page), before[i]!, `page ${i}`);
          }
        }
      }
    });
  }

  test('no tokens: nothing is read or written', () => {
    const { stored } = formInputs(BASE, 1, 3);
    const pages = fillPages(bench, BASE, stored, 3);
    for (const part of read(pages, BASE, [3, 0])) assert.is(part.length, 0);
  });
});

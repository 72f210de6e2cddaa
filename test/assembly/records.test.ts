import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PANEL } from '../../src/layout/packed-weight.ts';
import { type AttentionSpec, linearStateNumbers } from '../../src/attention/spec.ts';
import { bytesOf } from '../../src/layout/numbers.ts';
import { CACHE_DTYPES, LARGEST_CODES } from '../../src/layout/cache-dtype.ts';
import { PAGE_TOKENS, pageBytes as pageBytesOf, TILE, tokenBytes } from '../../src/layout/pages.ts';
import { CACHE_SHAPE, FACTOR_ROWS, FORMS, QUERY_ROWS } from '../../src/layout/records.ts';
import { CACHE_SHAPE_BYTES, writeShape } from '../../src/layout/records.ts';
import { Heap } from '../../src/wasm/heap.ts';

/** What the debug binary alone exports: the layouts that the host writes, by name. */
const DEBUG = new URL('../../dist/wasm/tpa-debug.wasm', import.meta.url);

const test = suite('the host and the kernels agree');

const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 });
const env = { memory, abort: () => undefined };
const { instance } = await WebAssembly.instantiate(readFileSync(DEBUG), { env });

/** Numbers by name: the constants, or with a record the offsets of its fields, in their order. */
function numbers(record?: string): [string, number][] {
  return Object.entries(instance.exports).flatMap(([name, exported]) => {
    const [field = '', group] = name.split('.').toReversed();
    if (!(exported instanceof WebAssembly.Global) || group !== record) return [];
    return [[field, exported.value as number]];
  });
}

for (const [record, fields] of Object.entries({
  CacheShape: CACHE_SHAPE,
  QueryRows: QUERY_ROWS,
  FactorRows: FACTOR_ROWS,
})) {
  test(`${record}: each field where the host writes it`, () => {
    const expected = fields.map((field, i) => [field, 4 * i]);
    assert.equal(numbers(`${record}Offset`), expected);
  });
}

test('tokens of a tile and of a page, columns of a panel, forms and codes of a cache', () => {
  const { TILE: tile, PAGE_TOKENS: page, PANEL: panel, ...named } = Object.fromEntries(numbers());
  assert.equal([tile, page, panel], [TILE, PAGE_TOKENS, PANEL]);
  const { F32, I16, Q8, LARGEST_I16, LARGEST_Q8, ...forms } = named;
  assert.equal([F32, I16, Q8], [...CACHE_DTYPES.keys()]);
  assert.equal({ i16: LARGEST_I16, q8: LARGEST_Q8 }, LARGEST_CODES);
  // what is contextual is stored
  const names = FORMS.map((form) => (form === 'contextual' ? 'STORED' : form.toUpperCase()));
  assert.equal(forms, Object.fromEntries(names.map((name, i) => [name, i])));
});

test('bytes of a page and of a state of linear attention, of every mechanism', () => {
  const { pageBytes, codePageBytes, recordBytes, linearStateBytes } = instance.exports as Record<
    string,
    (at: number) => number
  >;
  const heap = new Heap(memory, 1 << 16, 1 << 17);
  const at = heap.allocate(CACHE_SHAPE_BYTES);
  const sizes = { heads: 6, headDim: 12, valueDim: 10, rankK: 2, rankV: 3 };
  const specs: AttentionSpec[] = [
    sizes,
    { ...sizes, headFactors: 'fixed' },
    { ...sizes, headFactors: 'groups', rankV: 2 },
    { ...sizes, featureFactors: 'fixed' },
    { ...sizes, featureFactors: 'shared', valueDim: 12, rankV: 2 },
    { ...sizes, featureFactors: 'outer', outerDim: 2 },
    { ...sizes, headFactors: 'groups', featureFactors: 'latent', rankK: 1, rankV: 1 },
    { ...sizes, headDim: 11, valueDim: 7 },
  ];
  for (const spec of specs) {
    // the address of a head factor tells the kernels that there is one
    const fixed = spec.headFactors === 'fixed' ? { ak: 64 } : {};
    writeShape(heap, at, spec, fixed);
    const linear = { ...spec, score: 'linear' } as const;
    assert.is(pageBytes!(at), pageBytesOf(spec), JSON.stringify(spec));
    for (const dtype of ['i16', 'q8'] as const) {
      writeShape(heap, at, spec, fixed, dtype);
      assert.is(codePageBytes!(at), pageBytesOf(spec, dtype), `${dtype} ${JSON.stringify(spec)}`);
      assert.is(recordBytes!(at), tokenBytes(spec, dtype), `${dtype} ${JSON.stringify(spec)}`);
    }
    assert.is(linearStateBytes!(at), bytesOf(linearStateNumbers(linear)), JSON.stringify(spec));
  }
});

test.run();

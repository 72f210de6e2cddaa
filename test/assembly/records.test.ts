import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PANEL } from '../../src/layout/packed-weight.ts';
import { PAGE_TOKENS, TILE } from '../../src/layout/pages.ts';
import { CACHE_SHAPE, FACTOR_ROWS, FORMS, QUERY_ROWS } from '../../src/layout/records.ts';

/** What the debug binary alone exports: the layouts that the host writes, by name. */
const DEBUG = new URL('../../dist/wasm/tpa-debug.wasm', import.meta.url);

const test = suite('the host and the kernels agree');

const env = { memory: new WebAssembly.Memory({ initial: 1 }), abort: () => undefined };
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

test('tokens of a tile and of a page, columns of a panel, and the forms of a cache', () => {
  const { TILE: tile, PAGE_TOKENS: page, PANEL: panel, ...forms } = Object.fromEntries(numbers());
  assert.equal([tile, page, panel], [TILE, PAGE_TOKENS, PANEL]);
  // what is contextual is stored
  const names = FORMS.map((form) => (form === 'contextual' ? 'STORED' : form.toUpperCase()));
  assert.equal(forms, Object.fromEntries(names.map((name, i) => [name, i])));
});

test.run();

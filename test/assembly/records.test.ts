import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PANEL } from '../../src/layout/packed-weight.ts';
import { PAGE_TOKENS, TILE } from '../../src/layout/pages.ts';
import { CACHE_SHAPE, FACTOR_ROWS, FORMS, QUERY_ROWS } from '../../src/layout/records.ts';

/** What the debug binary alone exports: the layouts that the host must know too, by name. */
const DEBUG = new URL('../../dist/wasm/tpa-debug.wasm', import.meta.url);

const test = suite('the records of the debug binary');

const { exports } = await instantiate();

async function instantiate(): Promise<WebAssembly.Instance> {
  const env = { memory: new WebAssembly.Memory({ initial: 1 }), abort: () => undefined };
  const { instance } = await WebAssembly.instantiate(readFileSync(DEBUG), { env });
  return instance;
}

/** Numbers by name: the constants, or with a record the offsets of its fields, in their order. */
function numbers(record?: string): [string, number][] {
  return Object.entries(exports).flatMap(([name, exported]) => {
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
  test(`${record}: the fields that the host writes, words in this order`, () => {
    const expected = fields.map((field, i) => [field, 4 * i]);
    assert.equal(numbers(`${record}Offset`), expected);
  });
}

test('tokens of a tile and of a page, columns of a panel and forms are those of the host', () => {
  const forms = ['STORED', 'FIXED', 'SHARED', 'OUTER', 'LATENT'];
  assert.is(forms.length, FORMS.length);
  assert.equal(Object.fromEntries(numbers()), {
    ...{ TILE, PAGE_TOKENS, PANEL },
    ...Object.fromEntries(forms.map((form, i) => [form, i])),
  });
  assert.equal(FORMS, ['contextual', 'fixed', 'shared', 'outer', 'latent']);
});

test.run();

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

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

for (const [record, fields] of [
  [
    'CacheShape',
    'heads headDim valueDim rankK rankV keyRows headRows valueRows form outerDim ak av bk bv cos sin pairs direction',
  ],
  ['QueryRows', 'aq aqStride bq bqStride rankQ count'],
  ['FactorRows', 'ak akStride bk bkStride av avStride bv bvStride'],
] as const) {
  test(`${record}: words in the order of its fields`, () => {
    const expected = fields.split(' ').map((field, i) => [field, 4 * i]);
    assert.equal(numbers(`${record}Offset`), expected);
  });
}

test('tokens of a tile and of a page, columns of a panel, and the forms of a cache', () => {
  assert.equal(Object.fromEntries(numbers()), {
    TILE: 48,
    PAGE_TOKENS: 96,
    PANEL: 48,
    STORED: 0,
    FIXED: 1,
    SHARED: 2,
    OUTER: 3,
    LATENT: 4,
  });
});

test.run();

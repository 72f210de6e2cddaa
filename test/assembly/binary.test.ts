import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BINARIES } from '../helpers/kernels/binaries.ts';

/** Both binaries are embedded in the bundle; 44 KB each is its budget. */
const MAX_BYTES = 60_000;

/** The ABI: assembly/index.ts, and nothing by accident. */
const EXPORTS = [
  'addBias',
  'appendFactors',
  'copyRows',
  'crc32c',
  'decodeBlocks',
  'decodeSpans',
  'denseDecode',
  'denseDecodeScratch',
  'densePrefill',
  'densePrefillScratch',
  'dequantizeBlocks',
  'dequantizeQ6K',
  'embed',
  'embedQuantized',
  'hash',
  'hashEnd',
  'heapBase',
  'isFinite',
  'linearAttend',
  'linearScratch',
  'loadRecords',
  'logProbabilities',
  'matmul',
  'matmulQuantized',
  'matmulQuantizedScratch',
  'memory',
  'mergeSpans',
  'outerRows',
  'pack',
  'packBlocks',
  'partialsBytes',
  'quantizeBlocks',
  'quantizeRows',
  'readFactors',
  'recordBytes',
  'rmsNorm',
  'rope',
  'ropeFrequencies',
  'ropeTable',
  'saveRecords',
  'sigmoid',
  'swiglu',
  'tpaDecode',
  'tpaDecodeScratch',
  'tpaPrefill',
  'tpaPrefillScratch',
  'unpack',
  'unpackBlocks',
  'unpackQuantized',
];

const WASM_PAGE = 65536;

for (const simd of BINARIES) {
  const test = suite(`${simd} binary`);
  const path = (extension: string) =>
    fileURLToPath(new URL(`../../dist/wasm/tpa-${simd}.${extension}`, import.meta.url));
  const module = new WebAssembly.Module(readFileSync(path('wasm')));
  const text = readFileSync(path('wat'), 'utf8');

  test(`is at most ${MAX_BYTES} bytes`, () => {
    assert.ok(statSync(path('wasm')).size <= MAX_BYTES);
  });

  test('exports the written list', () => {
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    assert.equal(names.toSorted(), EXPORTS);
  });

  test('imports env.memory and nothing else', () => {
    assert.equal(WebAssembly.Module.imports(module), [
      { module: 'env', name: 'memory', kind: 'memory' },
    ]);
  });

  test('has no mutable global and never grows the memory', () => {
    assert.match(text, /^\(module/);
    assert.not.match(text, /\(global [^\n]*\(mut/);
    assert.not.match(text, /memory\.grow/);
  });

  test(`${simd === 'relaxed' ? 'uses' : 'does not use'} relaxed multiply-add`, () => {
    assert.is(/f32x4\.relaxed_madd/.test(text), simd === 'relaxed');
  });

  test('heapBase() lies past every byte of static data, within the first page', async () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    const base = (exports['heapBase'] as () => number)();
    const bytes = new Uint8Array(memory.buffer);
    const last = bytes.findLastIndex((byte) => byte !== 0);
    assert.ok(last > 0, 'static tables are there');
    assert.ok(base > last, `heapBase ${base}, last byte of data ${last}`);
    assert.ok(base <= WASM_PAGE);
    for (const [, at] of text.matchAll(/\(data [^\n]*?\(i32\.const (\d+)\)/g)) {
      assert.ok(Number(at) < base);
    }
  });

  test.run();
}

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime } from '../../src/index.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import {
  fillPages,
  formInputs,
  formShape,
  type FormShape,
} from '../helpers/kernels/cache-forms.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { goldenOp } from '../helpers/kernels/golden-op.ts';
import { loadGolden } from '../helpers/checks/golden.ts';
import { decode, prefill, writeQuery } from '../helpers/kernels/kernel-attention.ts';
import { createBench } from '../helpers/kernels/kernel-bench.ts';

const DEBUG = readFileSync(new URL('../../dist/wasm/tpa-debug.wasm', import.meta.url));

const test = suite('the debug binary');

test('keeps its asserts: an empty shape aborts', async () => {
  const { kernels, heap, run } = await createEngine({ simd: 'baseline', wasm: DEBUG });
  const at = heap.allocate(1024);
  const decode = () => kernels.tpaDecode(at, at, at, at, at, at, at, 1, 1, 1, 0, 0);
  assert.throws(() => run(decode), /tpaDecode: an empty shape or cache/);
  const read = () => kernels.readFactors(at, at, 0, 1, at);
  assert.throws(() => run(read), /readFactors: an empty shape/);
  const unpack = () => kernels.unpack(at, at, 0, 1, 3, 2, 4, 1);
  assert.throws(() => run(unpack), /unpack: a block past its weight/);
});

test('keeps the asserts of quantised weights', async () => {
  const { kernels, heap, run } = await createEngine({ simd: 'baseline', wasm: DEBUG });
  const at = heap.allocate(4096);
  const refused = (message: RegExp, compute: () => void) =>
    assert.throws(() => run(compute), message);
  const product = (columns: number, first: number, panels: number) =>
    kernels.matmulQuantized(at, at, at, at, 1, 32, columns, 48, false, first, panels, 1);
  refused(/matmulQuantized: rows of out overlap/, () => product(49, 0, 1));
  refused(/matmulQuantized: panels past the last/, () => product(48, 1, 1));
  const pack = (format: number, count: number) =>
    kernels.packBlocks(at + 2048, at, 0, 1, 0, count, 32, format);
  refused(/packBlocks: blocks past the last of a row/, () => pack(1, 2));
  refused(/unpackBlocks: blocks past the last of a row/, () =>
    kernels.unpackBlocks(at, at + 2048, 0, 1, 1, 1, 32, 1),
  );
  heap.bytes(at, 36)[34] = 1;
  refused(/packBlocks: an offset where there are none/, () => pack(1, 1));
  run(() => pack(2, 1));
  run(() => pack(3, 1));
  heap.bytes(at, 36)[31] = 16;
  refused(/packBlocks: a code past 15/, () => pack(3, 1));
  refused(/unpackQuantized: a block past its weight/, () =>
    kernels.unpackQuantized(at, at, 0, 1, 31, 2, 32, 1, 1),
  );
});

test('keeps the asserts of dense and linear attention', async () => {
  const { kernels, heap, run } = await createEngine({ simd: 'baseline', wasm: DEBUG });
  const at = heap.allocate(4096);
  // heads, headDim, valueDim, rankK, rankV, keyRows, headRows, valueRows
  const prefill = (count: number, ...shape: number[]) => {
    heap.words(at, 18).fill(0).set(shape);
    kernels.densePrefill(at, at, 0, at, at, at, 0, count, 0, 1, 0, 1);
  };
  const refused = (compute: () => void, message: RegExp) =>
    assert.throws(() => run(compute), message);
  refused(() => prefill(1, 0, 4, 4, 1, 1, 4, 0, 4), /dense attention: an empty shape/);
  refused(
    () => prefill(1, 3, 4, 4, 2, 2, 4, 0, 4),
    /dense attention: heads that share no K\/V head/,
  );
  refused(() => prefill(1, 2, 4, 4, 1, 1, 4, 2, 4), /dense attention: not a dense cache/);
  refused(() => prefill(1, 2, 4, 4, 1, 1, 4, 0, 4, 2), /dense attention: not a dense cache/);
  refused(() => prefill(0, 2, 4, 4, 1, 1, 4, 0, 4), /densePrefill: an empty block/);
  refused(
    () => kernels.denseDecode(at, at, at, at, at, at, 5, 5, 1, 0, 1),
    /denseDecode: no token to see/,
  );

  const linear = (count: number, next: number, ...shape: number[]) => {
    heap.words(at, 18).fill(0).set(shape);
    heap.words(at + 256, 6).set([at, 0, at, 0, 0, count]);
    kernels.linearAttend(at, at + 256, at, at, at, next, at, 1, 0, 1);
  };
  refused(() => linear(1, at + 8, 0, 4, 4, 1, 1, 4, 0, 4), /linearAttend: an empty shape/);
  refused(() => linear(0, at + 8, 2, 4, 4, 1, 1, 4, 0, 4), /or a block past 48/);
  refused(() => linear(49, at + 8, 2, 4, 4, 1, 1, 4, 0, 4), /or a block past 48/);
  refused(() => linear(1, at, 2, 4, 4, 1, 1, 4, 0, 4), /linearAttend: the next state over the old/);
});

test('asserts that a range lies within its whole', async () => {
  const { kernels, heap, run } = await createEngine({ simd: 'baseline', wasm: DEBUG });
  const at = heap.allocate(4096);
  const shapeAt = heap.allocate(72);
  const refused = (message: RegExp, compute: () => void) =>
    assert.throws(() => run(compute), message);
  const setShape = (...shape: number[]) => heap.words(shapeAt, 18).fill(0).set(shape);
  heap.words(at, 6).set([at, 0, at, 0, 0, 1]);
  const past = (name: string) => new RegExp(`${name}: [\\w/ ]*past the last`);

  // heads, headDim, valueDim, rankK, rankV, keyRows, headRows, valueRows
  setShape(3, 4, 4, 1, 1, 4, 3, 4);
  refused(past('mergeSpans'), () => kernels.mergeSpans(at, at, shapeAt, 2, 1, 1, 3));
  setShape(4, 4, 4, 2, 2, 4, 0, 4);
  refused(past('linearAttend'), () => {
    kernels.linearAttend(at, at, at, shapeAt, 0, at + 8, at, 1, 2, 3);
  });
  refused(past('matmul'), () => kernels.matmul(at, at, at, 1, 1, 49, 49, 1, false, 1, 2));
});

for (const name of ['op_H5_D24_q3_k2_v1_d40_T130_exact', 'op_H8_D128_q8_k2_v2_d512_T7_exact']) {
  test(`${name}: no assert fires, and the release binary gives the same bits`, async () => {
    const { query, cache, sizes } = goldenOp(loadGolden(name));
    const [debug, release] = await Promise.all(
      [{ wasm: DEBUG }, {}].map(async (options) => {
        const runtime = await createRuntime({ simd: 'baseline', ...options });
        const filled = runtime.createFactorCache(sizes);
        filled.append(cache);
        return runtime.attend(query, filled);
      }),
    );
    assertSame(debug!, release!, name);
  });
}

const SHARED = formShape('shared', [3, 9, 9], [2, 2, 2], { pairs: 3, seed: 3 });
const FORMS: readonly FormShape[] = [
  SHARED,
  { ...SHARED, form: 'fixed', valueDim: 5, rankQ: 0 },
  { ...SHARED, form: 'outer', outerDim: 3 },
  { ...SHARED, form: 'latent', valueDim: 5, isFixedA: true },
];

for (const sizes of FORMS) {
  test(`B ${sizes.form}: no assert fires, and the release binary gives the same bits`, async () => {
    const [tokens, cached] = [3, 120];
    const [debug, release] = await Promise.all(
      [{ wasm: DEBUG }, {}].map(async (options) => {
        const bench = await createBench('baseline', options);
        const { query, stored } = formInputs(sizes, tokens, cached);
        const pages = fillPages(bench, sizes, stored, cached);
        const at = writeQuery(pages, query, tokens);
        const block = { count: tokens, position: cached - tokens };
        return [...prefill(pages, at, block, true), ...decode(pages, at, tokens - 1, cached)];
      }),
    );
    assertSame(debug!, release!, sizes.form);
  });
}

for (const [title, sizes, width, found] of [
  ['shared factors of two widths', FORMS[0]!, 'valueRows', 8],
  ['no whole outer product', FORMS[2]!, 'outerDim', 2],
  ['no latent key', FORMS[3]!, 'keyRows', 3],
  ['more pairs than a key holds', FORMS[0]!, 'pairs', 5],
] as const) {
  test(`${title}: aborts`, async () => {
    const bench = await createBench('baseline', { wasm: DEBUG });
    const { query, stored } = formInputs(sizes, 1, 2);
    const pages = fillPages(bench, sizes, stored, 2);
    const at = writeQuery(pages, query, 1);
    const word = { keyRows: 5, valueRows: 7, outerDim: 9, pairs: 16 }[width];
    bench.heap.words(pages.shapeAt + 4 * word, 1)[0] = found;
    const call = () => decode(pages, at, 0, 2);
    assert.throws(call, new RegExp(title));
  });
}

test.run();

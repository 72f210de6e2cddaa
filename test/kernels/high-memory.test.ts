import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { activationBytes } from '../../src/layout/activations.ts';
import { packedBytes, WEIGHT_DTYPES } from '../../src/layout/packed-weight.ts';
import { attentionInputs } from '../helpers/kernels/attention-shape.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertSame } from '../helpers/checks/close.ts';
import {
  appendTo,
  createPages,
  decode,
  prefill,
  writeQuery,
} from '../helpers/kernels/kernel-attention.ts';
import { createBench, type KernelBench } from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { pack } from '../reference/pack.ts';
import { randomBlocks } from '../reference/quantized.ts';

const LINE = 2 ** 31;
const BYTES = 4 << 20;
const Q4 = WEIGHT_DTYPES.indexOf('q4');
const SIZES = { heads: 5, headDim: 33, valueDim: 18, rankQ: 3, rankK: 2, rankV: 2 };

/** Every kernel that walks addresses; the outputs one after another. */
function runAll(bench: KernelBench, padding: number): Float32Array[] {
  const { kernels } = bench;
  const guarded = bench.guard();
  if (padding > 0) guarded.region('padding', padding / 4);
  const random = createRandom(8);
  const [rows, k, columns] = [70, 300, 48];
  const x = guarded.regionOf('x', random.normal(rows * k)).pointer;
  const rowMajor = guarded.regionOf('w', random.normal(columns * k)).pointer;
  const w = guarded.regionOf('packed', pack(random.normal(columns * k), columns, k)).pointer;
  const out = guarded.region('out', rows * columns);
  kernels.matmul(out.pointer, x, w, rows, k, columns, columns, k, false, 0, 1);
  const row = guarded.region('row', columns);
  kernels.matmul(row.pointer, x, w, 1, k, columns, columns, k, false, 0, 1);
  const normed = guarded.region('normed', rows * k);
  kernels.rmsNorm(normed.pointer, x, 0, rows, k, k, k, 1e-5);
  const gate = guarded.regionOf('gate', random.normal(rows * k));
  kernels.swiglu(gate.pointer, x, rows, k, k);
  assert.is(kernels.isFinite(gate.pointer, rows * k), 1);
  const panels = guarded.regionOf('panels', new Float32Array(columns * k));
  kernels.pack(panels.pointer, rowMajor, 0, columns, k);
  const unpacked = guarded.region('unpacked', columns * k);
  kernels.unpack(unpacked.pointer, w, 0, columns, 0, k, k, columns);
  const frequencies = guarded.region('frequencies', k / 2);
  kernels.ropeFrequencies(frequencies.pointer, k, 10_000);
  const cos = guarded.region('cos', (rows * k) / 2);
  const sin = guarded.region('sin', (rows * k) / 2);
  kernels.ropeTable(cos.pointer, sin.pointer, frequencies.pointer, k / 2, 5, rows, false, 1, 0);
  const rotated = guarded.regionOf('rotated', random.normal(rows * k));
  kernels.rope(rotated.pointer, cos.pointer, sin.pointer, rows, 1, k / 2, k, k, 1);
  const ids = guarded.regionOf('ids', Int32Array.of(0, 17, 47));
  const embedded = guarded.region('embedded', 3 * k);
  kernels.embed(embedded.pointer, w, ids.pointer, 3, k, k);
  const scores = guarded.region('scores', 3);
  kernels.logProbabilities(scores.pointer, x, ids.pointer, 3, k, k);
  const blocks = guarded.regionOf(
    'blocks',
    new Int32Array(randomBlocks(random, 'q4', columns, k).buffer),
  );
  const quantized = guarded.region('quantized', packedBytes({ rows: columns, k, dtype: 'q4' }) / 4);
  const perRow = Math.ceil(k / 32);
  kernels.packBlocks(quantized.pointer, blocks.pointer, 0, columns, 0, perRow, k, Q4);
  const codes = guarded.region('codes', activationBytes(rows, k) / 4);
  kernels.quantizeRows(codes.pointer, x, rows, k, k);
  const scratch = guarded.region('product scratch', kernels.matmulQuantizedScratch() / 4).pointer;
  const product = guarded.region('quantised product', rows * columns);
  const factors = [product.pointer, codes.pointer, quantized.pointer, scratch] as const;
  kernels.matmulQuantized(...factors, rows, k, columns, columns, false, 0, 1, Q4);
  const rowsOf = guarded.region('quantised rows', 3 * k);
  kernels.embedQuantized(rowsOf.pointer, quantized.pointer, ids.pointer, 3, k, k, Q4);
  const unpackedBlocks = guarded.region('unpacked blocks', blocks.length);
  kernels.unpackBlocks(unpackedBlocks.pointer, quantized.pointer, 0, columns, 0, perRow, k, Q4);
  const inputs = guarded.region('inputs', columns * k);
  kernels.unpackQuantized(inputs.pointer, quantized.pointer, 0, columns, 0, k, k, columns, Q4);
  const numbers = guarded.region('numbers', columns * perRow * 32);
  kernels.dequantizeBlocks(numbers.pointer, blocks.pointer, columns * perRow);

  const [tokens, cached] = [8, 200];
  const shape = { ...SIZES, tokens, cached, isKvOnly: false, deviation: 1, seed: 8 };
  const { query, cache } = attentionInputs(shape);
  const pages = createPages(bench, SIZES, cached, { guarded });
  appendTo(pages, cache, 0, cached);
  const keys = guarded.region('keys', cached * SIZES.rankK * SIZES.headDim);
  const others = guarded.region('others', cached * 36).pointer;
  const widths = [others, 10, keys.pointer, SIZES.rankK * SIZES.headDim, others, 10, others, 36];
  const rowsAt = guarded.regionOf('rows', Int32Array.from(widths)).pointer;
  kernels.readFactors(pages.pagesAt, pages.shapeAt, 0, cached, rowsAt);
  const at = writeQuery(pages, query, tokens);
  const block = { count: tokens, position: cached - tokens };
  const attended = [
    decode(pages, at, 0, cached),
    prefill(pages, at, block, false),
    prefill(pages, at, block, true),
  ];
  guarded.assertCanaries();
  const regions = [
    out,
    row,
    normed,
    gate,
    panels,
    unpacked,
    cos,
    sin,
    rotated,
    embedded,
    keys,
    scores,
  ];
  regions.push(quantized, codes, product, rowsOf, unpackedBlocks, inputs, numbers);
  return [...regions.map(guarded.read), ...attended];
}

for (const simd of BINARIES) {
  const test = suite(`kernels at high addresses, ${simd}`);

  test('beyond and across 2 GiB every kernel gives the bits it gives at low addresses', async () => {
    const expected = runAll(await createBench(simd, { bytes: BYTES }), 0);
    const bench = await createBench(simd, { bytes: BYTES, from: LINE - BYTES / 2 });
    // a region is 84 KB and the line lies 2 MB on: every output crosses it once, then is past it
    for (let padding = 0; padding <= BYTES / 2; padding += 1 << 16) {
      for (const [i, actual] of runAll(bench, padding).entries()) {
        assertSame(actual, expected[i]!, `output ${i}, ${padding} bytes later`);
      }
    }
  });

  test.run();
}

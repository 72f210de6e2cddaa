import { activationBytes } from '../../src/layout/activations.ts';
import { BLOCK_BYTES, blocksOf } from '../../src/layout/blocks.ts';
import {
  PANEL,
  packedBytes,
  padToPanel,
  WEIGHT_DTYPES,
  type WeightDtype,
} from '../../src/layout/packed-weight.ts';
import { assertClose, productReference } from '../peers/reference.ts';
import { randomValues } from '../random.ts';
import {
  DECODE_PRODUCTS,
  PREFILL_PRODUCT,
  productMacs,
  productSuite,
  type ProductShape,
} from '../shapes.ts';
import type { KernelCase, SuitePart } from '../suite.ts';
import { type BenchEngine, openEngines } from './engines.ts';

/** What of a product is compared with float64. */
const CHECKED = { rows: 3, columns: 96 };
/** Uniform activations of 16 bits are off by 1.5e-5 of their size. */
const TOLERANCE = 2e-5;

/** 1 / 64 and -1 / 8 as float16. */
const SCALE = 0x2400;
const OFFSET = 0xb000;

const READ_NOTE =
  '`of peak` of a quantised product compares it with reading the bytes of its weight.';

/** Beside the float32 products of the same shapes, in their tables. */
export const parts: readonly SuitePart[] = [PREFILL_PRODUCT, ...Object.values(DECODE_PRODUCTS)].map(
  (shape) => ({
    suite: productSuite(shape),
    notes: shape === DECODE_PRODUCTS.logits ? [READ_NOTE] : [],
    prepare: async () => {
      const engines = await openEngines();
      const dtypes = WEIGHT_DTYPES.filter((dtype) => dtype !== 'f32');
      const cases = engines.flatMap((engine) =>
        dtypes.flatMap((dtype) => productCases(engine, shape, dtype)),
      );
      return { cases };
    },
  }),
);

/** A product of random weights, of which a part is checked; from memory, with a probe of its bandwidth. */
function productCases(
  { name, engine, probes, peak }: BenchEngine,
  shape: ProductShape,
  dtype: WeightDtype,
): KernelCase[] {
  const { kernels, heap } = engine;
  const { rows, inner, columns } = shape;
  const format = WEIGHT_DTYPES.indexOf(dtype);
  const stride = padToPanel(columns);
  const bytes = packedBytes({ rows: columns, k: inner, dtype });
  const weight = heap.allocate(bytes);
  const perRow = blocksOf(inner);
  const blocks = heap.allocate(columns * perRow * BLOCK_BYTES);
  heap.bytes(blocks, columns * perRow * BLOCK_BYTES).set(randomBlocks(columns * perRow, dtype));
  kernels.packBlocks(weight, blocks, 0, columns, 0, perRow, inner, format);
  heap.release(blocks);

  const values = randomValues(rows * inner, 1);
  const x = heap.allocate(values.byteLength);
  heap.floats(x, values.length).set(values);
  const out = heap.allocate(rows * stride * 4);
  const codes = heap.allocate(activationBytes(rows, inner));
  const scratch = heap.allocate(kernels.matmulQuantizedScratch());
  const given = [out, codes, weight, scratch, rows, inner, columns, stride] as const;
  const run = () => {
    kernels.quantizeRows(codes, x, rows, inner, inner);
    kernels.matmulQuantized(...given, false, 0, stride / PANEL, format);
  };

  run();
  const checked = { rows: Math.min(rows, CHECKED.rows), inner, columns: CHECKED.columns };
  const found = Float32Array.from({ length: checked.rows * checked.columns }, (_, i) => {
    const row = Math.floor(i / checked.columns);
    return heap.floats(out, rows * stride)[row * stride + (i % checked.columns)]!;
  });
  const part = heap.allocate(inner * checked.columns * 4);
  kernels.unpackQuantized(
    part,
    weight,
    0,
    checked.columns,
    0,
    inner,
    inner,
    checked.columns,
    format,
  );
  const numbers = heap.floats(part, inner * checked.columns);
  const expected = productReference(checked, values.subarray(0, checked.rows * inner), numbers);
  assertClose(`${dtype} product`, found, expected, TOLERANCE);

  const macs = productMacs(shape);
  const product = { name: `${dtype} product, ${name}`, macs, run };
  if (shape !== DECODE_PRODUCTS.logits) return [{ ...product, peak: peak.name }];
  const read = {
    name: `read ${dtype} bytes, ${name}`,
    macs,
    run: () => {
      probes.readPeak(weight, bytes - (bytes % 128));
    },
  };
  return [read, { ...product, peak: read.name }];
}

/** Blocks of codes over the whole range, and with 4 bits an offset that centres them. */
function randomBlocks(count: number, dtype: WeightDtype): Uint8Array {
  const values = randomValues(count * 32, 2);
  const out = new Uint8Array(count * BLOCK_BYTES);
  const halves = new Uint16Array(out.buffer);
  for (let b = 0; b < count; b++) {
    for (let i = 0; i < 32; i++) {
      const value = values[b * 32 + i]!;
      out[b * BLOCK_BYTES + i] =
        dtype === 'q4' ? 8 + Math.floor(8 * value) : Math.round(127 * value);
    }
    halves[b * 18 + 16] = SCALE;
    halves[b * 18 + 17] = dtype === 'q4' ? OFFSET : 0;
  }
  return out;
}

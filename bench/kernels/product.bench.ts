import { PANEL, packedBytes, padToPanel } from '../../src/layout/packed-weight.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { assertClose, productReference } from '../peers/reference.ts';
import { randomValues } from '../random.ts';
import {
  DECODE_PRODUCTS,
  PREFILL_PRODUCT,
  productMacs,
  productSuite,
  type ProductShape,
} from '../shapes.ts';
import type { SuitePart } from '../suite.ts';
import { openEngines } from './engines.ts';

/** Rows compared with float64. */
const CHECK_ROWS = 3;

export const parts: readonly SuitePart[] = [PREFILL_PRODUCT, ...Object.values(DECODE_PRODUCTS)].map(
  (shape) => ({
    suite: productSuite(shape),
    prepare: async () => {
      const engines = await openEngines();
      const macs = productMacs(shape);
      const cases = engines.flatMap(({ name, engine, peak }) => [
        peak,
        { name: `product, ${name}`, macs, peak: peak.name, run: openProduct(engine, shape) },
      ]);
      return { cases };
    },
  }),
);

/** Packs a random weight, checks a few rows and returns the whole product. */
function openProduct(engine: Engine, { rows, inner, columns }: ProductShape): () => void {
  const { kernels, heap } = engine;
  const stride = padToPanel(columns);
  const place = (values: Float32Array) => {
    const address = heap.allocate(values.byteLength);
    heap.floats(address, values.length).set(values);
    return address;
  };
  const values = randomValues(rows * inner, 1);
  const weight = randomValues(inner * columns, 2); // (inner, columns), as the peer takes it
  const x = place(values);
  const out = heap.allocate(rows * stride * 4);
  const panels = heap.allocate(packedBytes({ rows: columns, k: inner, dtype: 'f32' }));
  const staging = place(transpose(weight, inner, columns));
  kernels.pack(panels, staging, 0, columns, inner);
  heap.release(staging);

  const run = () =>
    kernels.matmul(out, x, panels, rows, inner, columns, stride, inner, false, 0, stride / PANEL);
  run();
  const checked = { rows: Math.min(rows, CHECK_ROWS), inner, columns };
  const found = Float32Array.from({ length: checked.rows * columns }, (_, i) => {
    const row = Math.floor(i / columns);
    return heap.floats(out, rows * stride)[row * stride + (i % columns)]!;
  });
  const expected = productReference(checked, values.subarray(0, checked.rows * inner), weight);
  assertClose('product', found, expected);
  return run;
}

function transpose(x: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = x[row * columns + column]!;
    }
  }
  return out;
}

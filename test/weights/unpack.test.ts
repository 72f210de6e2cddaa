import { Compute } from '../../src/compute/compute.ts';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packedBytes, type PackedWeight } from '../../src/layout/packed-weight.ts';
import { unpackMatrix } from '../../src/weights/unpack.ts';
import { createEngine, type Engine } from '../../src/wasm/engine.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { watchRegions } from '../helpers/kernels/red-zones.ts';
import { refused } from '../helpers/checks/refused.ts';
import { pack, transposedBlock } from '../reference/pack.ts';

const MEGABYTE = 2 ** 20;

for (const simd of BINARIES) {
  const test = suite(`unpackMatrix(), ${simd}`);
  const random = createRandom(5);

  test('a matrix of 3 MB passes through at most 1 MB, whole or in any part', async () => {
    const engine = await createEngine({ simd });
    const check = watchRegions(engine);
    const [outputs, inputs] = [1009, 780];
    const w = random.normal(outputs * inputs);
    const matrix = {
      panels: [place(engine, w, outputs, inputs)],
      columns: [{ first: 0, count: outputs }],
    };
    const largest = watchAllocations(engine);
    const { used } = engine.heap;
    for (const [from, to] of [
      [0, outputs],
      [0, 48],
      [47, 49],
      [500, outputs],
      [1008, 1009],
    ] as const) {
      const block = { from, width: to - from, row: 0, rows: inputs };
      const what = `${from} to ${to}`;
      assertSame(
        unpackMatrix(new Compute(engine), matrix, from, to),
        transposedBlock(w, inputs, block),
        what,
      );
    }
    assertSame(
      unpackMatrix(new Compute(engine), matrix),
      transposedBlock(w, inputs, { from: 0, width: outputs, row: 0, rows: inputs }),
      'all',
    );
    assert.ok(largest() <= MEGABYTE, `${largest()} bytes`);
    assert.is(engine.heap.used, used);
    check();
  });

  test('a row of more than 1 MB passes through by itself', async () => {
    const engine = await createEngine({ simd });
    const [outputs, inputs] = [300_001, 2];
    const w = random.uniform(outputs * inputs);
    const at = place(engine, w, outputs, inputs);
    const matrix = { panels: [at], columns: [{ first: 0, count: outputs }] };
    const largest = watchAllocations(engine);
    const block = { from: 0, width: outputs, row: 0, rows: inputs };
    assertSame(unpackMatrix(new Compute(engine), matrix), transposedBlock(w, inputs, block), 'all');
    assert.is(largest(), outputs * 4);
  });

  test('padding between columns is left out, panels come one after another', async () => {
    const engine = await createEngine({ simd });
    const inputs = 9;
    const ws = [random.normal(150 * inputs), random.normal(150 * inputs)] as const;
    const matrix = {
      panels: ws.map((w) => place(engine, w, 150, inputs)),
      columns: [
        { first: 0, count: 50 },
        { first: 96, count: 54 },
      ],
    };
    for (const [from, to] of [
      [0, 104],
      [30, 50],
      [40, 60],
      [50, 51],
      [70, 104],
    ] as const) {
      const expected = ws.flatMap((w) =>
        Array.from({ length: inputs }, (_, i) =>
          Array.from({ length: to - from }, (_unused, j) => {
            const output = from + j;
            return w[(output < 50 ? output : output - 50 + 96) * inputs + i]!;
          }),
        ).flat(),
      );
      assertSame(unpackMatrix(new Compute(engine), matrix, from, to), expected, `${from} to ${to}`);
    }
  });

  test('memory refused, or a trap: nothing is kept', async () => {
    const engine = await createEngine({ simd });
    const at = place(engine, random.normal(5 * 4), 5, 4);
    const matrix = { panels: [at], columns: [{ first: 0, count: 5 }] };
    const { heap } = engine;
    const { used, allocate } = heap;
    heap.allocate = (bytes) => allocate.call(heap, bytes + 2 ** 40);
    await refused(() => unpackMatrix(new Compute(engine), matrix), 'OUT_OF_MEMORY');
    heap.allocate = allocate;
    const trapping = { ...engine, kernels: { ...engine.kernels, unpack: trap } };
    await refused(() => unpackMatrix(new Compute(trapping), matrix), 'KERNEL_TRAP');
    assert.is(heap.used, used);
  });

  test.run();
}

/** w (rows, k) in panels. */
function place({ heap }: Engine, w: Float32Array, rows: number, k: number): PackedWeight {
  const panels = pack(w, rows, k);
  const shape = { rows, k, dtype: 'f32' } as const;
  const at = heap.allocate(packedBytes(shape));
  heap.floats(at, panels.length).set(panels);
  return { at, ...shape };
}

/** The largest allocation from now on. */
function watchAllocations({ heap }: Engine): () => number {
  const { allocate } = heap;
  let largest = 0;
  heap.allocate = (bytes) => {
    largest = Math.max(largest, bytes);
    return allocate.call(heap, bytes);
  };
  return () => largest;
}

function trap(): never {
  throw new WebAssembly.RuntimeError('unreachable');
}

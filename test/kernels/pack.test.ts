import * as assert from 'uvu/assert';
import { assertSame } from '../helpers/checks/close.ts';
import {
  COUNTS,
  kernelSuite,
  MISALIGNMENTS,
  withoutStride,
} from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { packedBytes } from '../../src/layout/packed-weight.ts';
import { PANEL, pack, transposedBlock } from '../reference/pack.ts';

await kernelSuite('pack(), packedBytes() and unpack()', ({ test, kernels, guard }) => {
  const random = createRandom(1);

  test('packedBytes() is whole panels of 48 columns, and does not wrap at 4 GiB', () => {
    for (const columns of [0, ...COUNTS, 980]) {
      for (const k of [...COUNTS, 768]) {
        const expected = Math.ceil(columns / PANEL) * PANEL * 4 * k;
        assert.is(packedBytes({ rows: columns, k, dtype: 'f32' }), expected, `${columns} × ${k}`);
      }
    }
    assert.is(packedBytes({ rows: 50_304, k: 16_384, dtype: 'f32' }), 50_304 * 16_384 * 4);
    assert.is(packedBytes({ rows: 1536, k: 699_051, dtype: 'f32' }), 1536 * 699_051 * 4);
  });

  test('writes the panels of the twin bit for bit, whole or in pieces, padding untouched', () => {
    for (const columns of COUNTS) {
      for (const k of COUNTS) {
        for (const misalignment of MISALIGNMENTS) {
          const guarded = guard();
          const w = random.normal(columns * k);
          const from = guarded.regionOf('w', w, misalignment);
          const to = guarded.region('panels', Math.ceil(columns / PANEL) * PANEL * k, misalignment);
          guarded.write(to, new Float32Array(to.length));
          const cut = random.integer(0, columns);
          kernels.pack(to.pointer, from.pointer + cut * k * 4, cut, columns - cut, k);
          kernels.pack(to.pointer, from.pointer, 0, cut, k);
          assertSame(guarded.read(to), pack(w, columns, k), `${columns} × ${k}, cut ${cut}`);
          guarded.assertCanaries();
        }
      }
    }
  });

  test('unpack() gives any block of the transpose bit for bit and leaves the gaps alone', () => {
    for (const columns of COUNTS) {
      for (const k of COUNTS) {
        for (const misalignment of MISALIGNMENTS) {
          const guarded = guard();
          const w = random.normal(columns * k);
          const packed = guarded.regionOf('panels', pack(w, columns, k), misalignment);
          const first = random.integer(0, columns - 1);
          const start = random.integer(0, k - 1);
          for (const [from, width, row, rows] of [
            [0, columns, 0, k],
            [first, random.integer(1, columns - first), start, random.integer(1, k - start)],
          ] as const) {
            const ldo = width + 3;
            const out = guarded.region('out', rows * ldo, misalignment);
            kernels.unpack(out.pointer, packed.pointer, from, width, row, rows, k, ldo);
            const expected = transposedBlock(w, k, { from, width, row, rows });
            const what = `${columns} × ${k}: ${width} from ${from}, ${rows} from ${row}`;
            assertSame(withoutStride(guarded.read(out), width, ldo), expected, what);
          }
          guarded.assertCanaries();
        }
      }
    }
  });

  test('unpack() reads no padding: panels past the last column stay out', () => {
    const guarded = guard();
    const w = random.normal(50 * 7);
    const panels = pack(w, 50, 7);
    for (let i = 0; i < panels.length; i++) {
      if (i >= 7 * PANEL && i % PANEL >= 2) panels[i] = NaN;
    }
    const packed = guarded.regionOf('panels', panels);
    const out = guarded.region('out', 50 * 7);
    kernels.unpack(out.pointer, packed.pointer, 0, 50, 0, 7, 7, 50);
    const expected = transposedBlock(w, 7, { from: 0, width: 50, row: 0, rows: 7 });
    assertSame(guarded.read(out), expected, '50 × 7');
    guarded.assertCanaries();
  });
});

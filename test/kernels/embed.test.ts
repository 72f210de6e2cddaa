import { assertSame } from '../helpers/checks/close.ts';
import {
  COUNTS,
  kernelSuite,
  MISALIGNMENTS,
  withoutStride,
} from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { pack } from '../reference/pack.ts';

const VOCABULARY = 83;

await kernelSuite('embed()', ({ test, kernels, guard }) => {
  const random = createRandom(2);

  test('gathers rows of a packed table bit for bit and leaves the gaps alone', () => {
    for (const dim of COUNTS) {
      for (const misalignment of MISALIGNMENTS) {
        const guarded = guard();
        const rows = random.normal(VOCABULARY * dim);
        const table = guarded.regionOf('table', pack(rows, VOCABULARY, dim), misalignment);
        const ids = Int32Array.from([0, 47, 48, 82, ...COUNTS.map((id) => id % VOCABULARY)]);
        const idsAt = guarded.regionOf('ids', ids, misalignment);
        const stride = dim + 3;
        const out = guarded.region('out', ids.length * stride, misalignment);
        kernels.embed(out.pointer, table.pointer, idsAt.pointer, ids.length, dim, stride);
        const expected = Array.from(ids, (id) => [...rows.subarray(id * dim, (id + 1) * dim)]);
        const actual = withoutStride(guarded.read(out), dim, stride);
        assertSame(actual, new Float32Array(expected.flat()), `dim ${dim}`);
        guarded.assertCanaries();
      }
    }
  });
});

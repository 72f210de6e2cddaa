import * as assert from 'uvu/assert';
import { assertClose } from '../helpers/checks/close.ts';
import { floats, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import {
  assertWithin,
  COUNTS,
  kernelSuite,
  MISALIGNMENTS,
  withoutStride,
  withStride,
} from '../helpers/kernels/kernel-bench.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { PANEL, pack } from '../reference/pack.ts';
import { swiglu } from '../reference/swiglu.ts';

/** Below 2^-126 the kernel's exponential is 0; times the largest gate there, 88. */
const UNDERFLOW = 88 * 2 ** -126;

await kernelSuite('swiglu()', ({ test, kernels, guard }) => {
  const random = createRandom(7);

  const run = (gate: Float32Array, up: Float32Array, count: number, misalignment: 0 | 4 | 12) => {
    const rows = gate.length / count;
    const ld = Math.ceil(count / 4) * 4 + 4;
    const guarded = guard();
    const gateAt = guarded.regionOf('gate', withStride(gate, count, ld), misalignment);
    const upAt = guarded.regionOf('up', withStride(up, count, ld), misalignment);
    kernels.swiglu(gateAt.pointer, upAt.pointer, rows, count, ld);
    guarded.assertCanaries();
    return withoutStride(guarded.read(gateAt), count, ld);
  };

  test('equals the twin to 4e-7 · (1 + |gate|) relative, NaN in the padding', () => {
    for (const count of COUNTS) {
      for (const misalignment of MISALIGNMENTS) {
        for (const deviation of [0.1, 3, 40]) {
          const gate = random.normal(count * 3, deviation);
          const up = random.normal(count * 3);
          const expected = swiglu(gate, up);
          const bound = (i: number) =>
            4e-7 * (1 + Math.abs(gate[i]!)) * Math.abs(expected[i]!) + UNDERFLOW * Math.abs(up[i]!);
          assertWithin(run(gate, up, count, misalignment), expected, bound, `count ${count}`);
        }
      }
    }
  });

  test('large gates of either sign neither overflow nor turn into NaN', () => {
    const gate = new Float32Array([-3e38, -1000, -88, -87, 0, -0, 87, 1000]);
    const up = new Float32Array(8).fill(1);
    const expected = swiglu(gate, up);
    const bound = (i: number) => 4e-7 * (1 + Math.abs(gate[i]!)) * Math.abs(expected[i]!);
    assertWithin(run(gate, up, 8, 0), expected, (i) => bound(i) + UNDERFLOW, 'large gates');
  });

  test('a NaN in gate or up stays in its own place', () => {
    for (const broken of [0, 1]) {
      for (let i = 0; i < 9; i++) {
        const arrays = [new Float32Array(9).fill(1), new Float32Array(9).fill(1)] as const;
        arrays[broken]![i] = NaN;
        const out = run(...arrays, 9, 0);
        assert.equal(
          [...out].map(Number.isNaN),
          [...out].map((_, j) => j === i),
        );
      }
    }
  });

  test('with matmul() equals the golden SwiGLU, max abs as stated', () => {
    const golden = loadGolden('misc_rmsnorm_swiglu');
    const { n_embd: dim = 0, hidden_dim: wide = 0 } = golden.meta.config;
    const x = floats(golden, 'mlp_x');
    const rows = x.length / dim;
    const guarded = guard();
    const weight = (name: string, columns: number, k: number) =>
      guarded.regionOf(name, pack(floats(golden, `${name}.weight`), columns, k)).pointer;
    const ld = Math.ceil(wide / PANEL) * PANEL;
    const ldo = Math.ceil(dim / PANEL) * PANEL;
    const xAt = guarded.regionOf('x', x).pointer;
    const out = guarded.region('out', rows * ldo);
    const [gate, up] = ['c_fc1', 'c_fc2'].map((name) => {
      const to = guarded.region(name, rows * ld).pointer;
      const args = [to, xAt, weight(name, wide, dim), rows, dim, wide] as const;
      kernels.matmul(...args, ld, dim, false, 0, ld / PANEL);
      return to;
    });
    kernels.swiglu(gate!, up!, rows, wide, ld);
    const proj = weight('c_proj', dim, wide);
    kernels.matmul(out.pointer, gate!, proj, rows, wide, dim, ldo, ld, false, 0, ldo / PANEL);
    guarded.assertCanaries();
    const actual = withoutStride(guarded.read(out), dim, ldo, ldo);
    const expected = floats(golden, 'mlp_y');
    assertClose(actual, expected, { atol: tolerance(golden, 'mlp_y'), what: 'mlp_y' });
  });
});

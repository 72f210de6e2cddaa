import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import { floats, loadGolden, tolerance, TWIN_MARGIN, VISIBLE } from '../helpers/checks/golden.ts';
import { BLOCK_NORM_EPS, GROUP_NORM_EPS, rmsNorm } from './rms-norm.ts';

const test = suite('rmsNorm()');
const golden = loadGolden('misc_rmsnorm_swiglu');
const dim = golden.meta.config['n_embd']!;
const x = floats(golden, 'x');
const weight = floats(golden, 'weight');

const cases = [
  { name: 'rms_block_eps_f32', actual: rmsNorm(x, dim, BLOCK_NORM_EPS) },
  { name: 'rms_eps_1e-6_weighted', actual: rmsNorm(x, dim, 1e-6, weight) },
  { name: 'rms_eps_1e-5_weighted', actual: rmsNorm(x, dim, GROUP_NORM_EPS, weight) },
];

for (const { name, actual } of cases) {
  test(`matches ${name} to a tenth of the golden tolerance`, () => {
    const atol = tolerance(golden, name) / TWIN_MARGIN;
    assertClose(actual, floats(golden, name), { atol, what: name });
  });
}

test('a forgotten weight is off by over 10 tolerances', () => {
  const name = 'rms_eps_1e-6_weighted';
  const off = maxAbsDiff(rmsNorm(x, dim, 1e-6), floats(golden, name));
  assert.ok(off > VISIBLE * tolerance(golden, name), `off by ${off}`);
});

test('a row of zeros stays zero', () => {
  assert.equal(rmsNorm([0, 0, 0], 3, BLOCK_NORM_EPS), new Float64Array(3));
});

test.run();

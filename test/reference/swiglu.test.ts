import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import { floats, loadGolden, tolerance, TWIN_MARGIN, VISIBLE } from '../helpers/checks/golden.ts';
import { matmul } from './matmul.ts';
import { swiglu } from './swiglu.ts';

const test = suite('swiglu()');
const golden = loadGolden('misc_rmsnorm_swiglu');
const { n_embd: dim, hidden_dim: hiddenDim } = golden.meta.config;
const x = floats(golden, 'mlp_x');
const gate = matmul(x, floats(golden, 'c_fc1.weight'), dim!);
const up = matmul(x, floats(golden, 'c_fc2.weight'), dim!);
const project = (y: Float64Array) => matmul(y, floats(golden, 'c_proj.weight'), hiddenDim!);

test('matches the golden feed-forward output to a tenth of the golden tolerance', () => {
  const atol = tolerance(golden, 'mlp_y') / TWIN_MARGIN;
  assertClose(project(swiglu(gate, up)), floats(golden, 'mlp_y'), { atol, what: 'mlp_y' });
});

test('gate and up exchanged is off by over 10 tolerances', () => {
  const off = maxAbsDiff(project(swiglu(up, gate)), floats(golden, 'mlp_y'));
  assert.ok(off > VISIBLE * tolerance(golden, 'mlp_y'), `off by ${off}`);
});

test('large negative and positive gates neither overflow nor turn into NaN', () => {
  assertClose(swiglu([-1000, 0, 1000], [2, 2, 2]), [0, 0, 2000], { atol: 1e-12, what: 'y' });
});

test.run();

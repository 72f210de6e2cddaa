import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  floats,
  goldenFiles,
  loadGolden,
  tolerance,
  TWIN_MARGIN,
  VISIBLE,
} from '../helpers/checks/golden.ts';
import { goldenOp } from '../helpers/kernels/golden-op.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { materialize } from './materialize.ts';
import { rope, type RopeConvention } from './rope.ts';
import { ropeTable } from './rope-table.ts';

const test = suite('rope()');

for (const path of goldenFiles('op_')) {
  const golden = loadGolden(path);
  if (!golden.tensors.has('B_q_pre')) continue; // the T = 130 files of big shapes
  const { sizes, query, positions, ropePrecision } = goldenOp(golden);
  const rotated = (side: 'q' | 'k', convention: RopeConvention) => {
    const rows = side === 'q' ? query.rankQ : sizes.rankK;
    const shape = { tokens: sizes.tokens, rows, headDim: sizes.headDim };
    const table = ropeTable(positions, sizes.headDim, ropePrecision);
    return rope(floats(golden, `B_${side}_pre`), table, shape, convention);
  };

  test(`rotates B_q and B_k to a tenth of the golden tolerance, ${golden.name}`, () => {
    for (const side of ['q', 'k'] as const) {
      const name = `B_${side}`;
      const atol = tolerance(golden, name) / TWIN_MARGIN;
      assertClose(rotated(side, 't6'), floats(golden, name), { atol, what: name });
    }
  });

  if (sizes.tokens > 1) {
    test(`the llama sign is off by over 10 tolerances, ${golden.name}`, () => {
      const off = maxAbsDiff(rotated('q', 'llama'), floats(golden, 'B_q'));
      assert.ok(off > VISIBLE * tolerance(golden, 'B_q'), `off by ${off}`);
    });
  }
}

test('the two conventions are inverse to each other within 1e-6', () => {
  const shape = { tokens: 5, rows: 3, headDim: 12 };
  const x = createRandom(1).uniform(5 * 3 * 12);
  const table = ropeTable([0, 1, 7, 500, 4095], 12, 'float32');
  const back = rope(rope(x, table, shape, 't6'), table, shape, 'llama');
  assertClose(back, x, { atol: 1e-6, what: 'x' });
});

test('rotating B before the product equals rotating Q after it within 1e-12', () => {
  const [tokens, heads, rank, headDim] = [6, 5, 3, 10];
  const random = createRandom(2);
  const a = random.normal(tokens * heads * rank);
  const b = random.normal(tokens * rank * headDim);
  const table = ropeTable([0, 1, 2, 3, 4, 5], headDim, 'bfloat16');
  const shape = { heads, rank, width: headDim };
  const before = materialize(a, rope(b, table, { tokens, rows: rank, headDim }), shape);
  const after = rope(materialize(a, b, shape), table, { tokens, rows: heads, headDim });
  assertClose(before, after, { atol: 1e-12, what: 'q' });
  assert.ok(maxAbsDiff(before, materialize(a, b, shape)) > 0.1, 'the rotation did nothing');
});

test.run();

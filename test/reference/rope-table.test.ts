import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { maxAbsDiff, assertClose } from '../helpers/checks/close.ts';
import { floats, integers, loadGolden, VISIBLE } from '../helpers/checks/golden.ts';
import { ropeTable, roundToBfloat16 } from './rope-table.ts';

const test = suite('ropeTable()');
const golden = loadGolden('rope_tables');
const positions = integers(golden, 'positions');

for (const dim of [8, 16, 24, 64, 128]) {
  test(`bfloat16 entries equal the golden table, ${dim} features`, () => {
    const { cos, sin } = ropeTable(positions, dim, 'bfloat16');
    assertClose(cos, floats(golden, `cos_bf16_D${dim}`), { atol: 0, what: 'cos' });
    assertClose(sin, floats(golden, `sin_bf16_D${dim}`), { atol: 0, what: 'sin' });
  });

  test(`float32 entries are within 1e-5 of the golden table, ${dim} features`, () => {
    const { cos, sin } = ropeTable(positions, dim, 'float32');
    assertClose(cos, floats(golden, `cos_exact_D${dim}`), { atol: 1e-5, what: 'cos' });
    assertClose(sin, floats(golden, `sin_exact_D${dim}`), { atol: 1e-5, what: 'sin' });
  });
}

test('the golden tables tell the two precisions apart', () => {
  const { cos } = ropeTable(positions, 64, 'bfloat16');
  assert.ok(maxAbsDiff(cos, floats(golden, 'cos_exact_D64')) > VISIBLE * 1e-5);
});

test('theta changes every frequency but the first', () => {
  const usual = ropeTable([3], 8, 'float32');
  const other = ropeTable([3], 8, 'float32', 500_000);
  assert.is(other.cos[0], usual.cos[0]);
  for (let i = 1; i < 4; i++) assert.is.not(other.cos[i], usual.cos[i]);
});

test('bfloat16 rounds to nearest, ties to even', () => {
  const ulp = 2 ** -7;
  assert.is(roundToBfloat16(1 + ulp / 2), 1);
  assert.is(roundToBfloat16(1 + (3 * ulp) / 2), 1 + 2 * ulp);
  assert.is(roundToBfloat16(1 + 0.51 * ulp), 1 + ulp);
  assert.is(roundToBfloat16(-1 - 0.51 * ulp), -1 - ulp);
  assert.is(roundToBfloat16(0), 0);
});

test.run();

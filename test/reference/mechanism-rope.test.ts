import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { rotaryWidth, rotate } from './mechanism-rope.ts';
import { rope } from './rope.ts';
import { ropeTable } from './rope-table.ts';

const test = suite('rotate()');
const FULL = {
  theta: 10000,
  precision: 'float32',
  partialFactor: 1,
  decayBase: undefined,
} as const;

test('with every feature and no decay equals the rotation of T6, both tables', () => {
  const x = createRandom(1).normal(7 * 3 * 10);
  for (const precision of ['float32', 'bfloat16'] as const) {
    const table = ropeTable([0, 1, 2, 3, 4, 5, 6], 10, precision);
    const expected = rope(x, table, { tokens: 7, rows: 3, headDim: 10 });
    const found = rotate(x, { rows: 3, width: 10 }, { ...FULL, precision });
    assertClose(found, expected, { atol: 1e-15, what: precision });
  }
});

test('part of the features rotate as rows of that width would, the rest pass', () => {
  const x = createRandom(2).normal(5 * 18);
  const found = rotate(x, { rows: 1, width: 18 }, { ...FULL, partialFactor: 0.5 });
  for (let t = 0; t < 5; t++) {
    const row = found.subarray(t * 18, (t + 1) * 18);
    // 5 rows of zeros put the row at its position
    const alone = new Float64Array(5 * 8);
    alone.set(x.subarray(t * 18, t * 18 + 8), t * 8);
    const expected = rotate(alone, { rows: 1, width: 8 }, FULL);
    assertSame(row.subarray(0, 8), expected.subarray(t * 8, (t + 1) * 8), `token ${t}`);
    assertSame(row.subarray(8), Float64Array.from(x.subarray(t * 18 + 8, (t + 1) * 18)), 'rest');
  }
});

test('the rotary width is rounded down to even', () => {
  const widths = [
    [18, 0.5, 8],
    [18, 0.4, 6],
    [24, 1 / 3, 8],
    [24, 1, 24],
    [18, 0.1, 0],
  ] as const;
  for (const [width, factor, expected] of widths) assert.is(rotaryWidth(width, factor), expected);
});

test('keys rotate and decay as queries do', () => {
  const x = createRandom(3).normal(6 * 10);
  const rules = { ...FULL, decayBase: 0.9 };
  const [query, key] = [false, true].map((isKey) =>
    rotate(x, { rows: 1, width: 10 }, rules, undefined, isKey),
  );
  assertSame(key!, query!, 'rows');
});

test('decay multiplies rotated features by base^angle, by hand', () => {
  const rules = { ...FULL, theta: 100, partialFactor: 0.8, decayBase: 0.5 };
  // frequencies 1 and 1/10; the fifth feature passes
  const found = rotate([...Array(5).fill(0), 1, 1, 1, 1, 1], { rows: 1, width: 5 }, rules);
  const [a, c] = turned(1);
  const [b, d] = turned(0.1);
  assertClose(found, [0, 0, 0, 0, 0, a, b, c, d, 1], { atol: 2e-7, what: 'row' });
});

test.run();

/** (1, 1) turned and halved per radian. */
function turned(angle: number): [number, number] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [0.5 ** angle * (cos + sin), 0.5 ** angle * (cos - sin)];
}

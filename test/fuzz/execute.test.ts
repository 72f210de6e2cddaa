import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../src/base/errors.ts';
import { execute } from './execute.ts';
import { holds, target } from './target.ts';
import { TARGETS } from './targets/all.ts';
import { Draw } from './draw.ts';

const test = suite('fuzzing');

/** Throws what belongs to the drawn number, nothing for others. */
const errors: Readonly<Record<number, () => unknown>> = {
  0: () => new TpaError('CONFIG_INVALID', 'refused'),
  1: () => new RangeError('"x" expected an integer, got 1'),
  2: () => new RangeError('Maximum call stack size exceeded'),
  3: () => new TypeError("Cannot read properties of undefined (reading 'x')"),
  4: () => 'text',
};
const DICE = target<number>({
  name: 'dice',
  make: (draw) => draw.integer(0, 9),
  run(n) {
    const error = errors[n]?.();
    if (error !== undefined) throw error;
    holds(n !== 5, 'five');
  },
});

test('what is no refusal is a finding, and its seed draws it again', async () => {
  const kinds = new Set<string>();
  let refusals = 0;
  for (let seed = 1; seed < 200; seed++) {
    const begins = (at: number): boolean => at === seed;
    const outcome = await execute(DICE, { seed, begins, isRecorded: true });
    assert.is(outcome.executions, 1);
    refusals += outcome.refusals;
    const n = DICE.make(new Draw(seed)) as number;
    assert.is(outcome.refusals, n < 2 ? 1 : 0);
    assert.equal(
      outcome.findings.map((finding) => [finding.seed, finding.input]),
      n >= 2 && n <= 5 ? [[seed, String(n)]] : [],
    );
    for (const { message } of outcome.findings) kinds.add(message.split(' (')[0]!);
  }
  assert.ok(refusals > 10);
  assert.equal([...kinds].toSorted(), [
    'Error: five',
    'RangeError: Maximum call stack size exceeded',
    'TypeError: Cannot read properties of undefined',
    'text',
  ]);
});

const isFew = (seed: number): boolean => seed <= 200;

for (const one of TARGETS) {
  test(`${one.name}: the first 200 inputs are no findings, some are taken and some refused`, async () => {
    const outcome = await execute(one, { seed: 1, begins: isFew, isRecorded: false });
    assert.equal(outcome.findings, []);
    assert.ok(outcome.refusals > 5 && outcome.refusals < 195, `${outcome.refusals} refused`);
  });
}

test.run();

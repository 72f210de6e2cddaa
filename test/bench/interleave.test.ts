import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { interleave, timeRatio, type Timing } from '../../bench/interleave.ts';
import { median } from '../../bench/median.ts';

const test = suite('interleave()');

const SHORT = { rounds: 2, seconds: 0.001 };

/** Passes the warm-up, fails in the first round. */
function failsLater(): () => void {
  let calls = 0;
  return () => {
    if (++calls > 1) throw new RangeError('broken case');
  };
}

function roundsOf(...rounds: number[]): Timing {
  return { name: '', rounds, best: 0, median: 0 };
}

test('cases take turns, and each keeps one entry a round', async () => {
  const calls: string[] = [];
  const spin = (name: string) => () => {
    if (calls.at(-1) !== name) calls.push(name);
    const end = performance.now() + 2;
    while (performance.now() < end);
  };
  const timings = await interleave(
    [
      { name: 'a', macs: 1, run: spin('a') },
      { name: 'b', macs: 1, run: spin('b') },
    ],
    SHORT,
  );
  // The first turn of each is the warm-up.
  assert.equal(calls, ['a', 'b', 'a', 'b', 'a', 'b']);
  for (const { rounds, best, median: middle } of timings) {
    assert.is(rounds.length, 2);
    assert.is(best, Math.min(...rounds));
    assert.ok(best >= 0.002 && best <= middle, `${best} s, ${middle} s`);
  }
});

test('an asynchronous case is timed until its promise settles, one call at a time', async () => {
  let running = 0;
  const run = async () => {
    assert.is(++running, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    running--;
  };
  const [timing] = await interleave([{ name: 'a', macs: 1, isAsync: true, run }], SHORT);
  assert.ok(timing!.best >= 0.019, `${timing!.best} s`);
});

test('an error of a case, synchronous or not, is thrown', async () => {
  const later = failsLater();
  for (const bench of [
    { name: 'a', macs: 1, run: failsLater() },
    { name: 'a', macs: 1, isAsync: true, run: async () => later() } as const,
  ]) {
    const error = await interleave([bench], SHORT).catch((reason: unknown) => reason);
    assert.instance(error, RangeError);
  }
});

test('timeRatio() is the median of the quotients within a round', () => {
  assert.is(timeRatio(roundsOf(2, 40, 9), roundsOf(1, 10, 3)), 3);
});

test('median() is the middle value or the mean of the middle two', () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test.run();

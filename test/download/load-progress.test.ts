import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LoadProgress, ProgressMeter } from '../../src/download/load-progress.ts';

const test = suite('ProgressMeter');

function metered() {
  let now = 5000;
  const seen: LoadProgress[] = [];
  const meter = new ProgressMeter(
    () => now,
    (progress) => void seen.push(progress),
  );
  const pass = (milliseconds: number, loaded: number): LoadProgress | undefined => {
    now += milliseconds;
    meter.update('file', loaded, 1e9);
    return seen.at(-1);
  };
  return { pass };
}

test('the rate is that of the last three seconds', () => {
  const { pass } = metered();
  for (let step = 1; step <= 100; step++) pass(100, step * 1e5);
  assert.is(pass(100, 101e5)!.rate, 1e6);
  // ten times as fast: the old rate is forgotten after three seconds
  for (let step = 1; step <= 40; step++) pass(100, 101e5 + step * 1e6);
  assert.is(pass(100, 101e5 + 41e6)!.rate, 1e7);
});

test('after a standstill the rate is that since the last bytes', () => {
  const { pass } = metered();
  pass(100, 1e6);
  assert.is(pass(10_000, 2e6)!.rate, 1e5);
  assert.is(pass(0, 3e6)!.rate, 2e5);
});

test('the rate of no time at all is none', () => {
  const { pass } = metered();
  assert.equal(pass(0, 5), { file: 'file', loaded: 5, total: 1e9, rate: 0 });
});

test.run();

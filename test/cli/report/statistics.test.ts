import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { renderStatistics, Stopwatch } from '../../../src/cli/report/statistics.ts';

const test = suite('statistics');

function stopwatch(...milliseconds: number[]): Stopwatch {
  const watch = new Stopwatch(() => milliseconds.shift()!);
  while (milliseconds.length > 0) watch.lap();
  return watch;
}

test('Stopwatch counts the tokens after the first into the speed', () => {
  const watch = stopwatch(100, 140, 150, 160);
  assert.is(watch.firstTokenMilliseconds, 40);
  assert.is(watch.tokensPerSecond, 100);
});

test('Stopwatch knows no speed of fewer than two tokens', () => {
  assert.is(stopwatch(100).firstTokenMilliseconds, null);
  assert.is(stopwatch(100).tokensPerSecond, null);
  assert.is(stopwatch(100, 140).firstTokenMilliseconds, 40);
  assert.is(stopwatch(100, 140).tokensPerSecond, null);
});

test('renderStatistics() has a line for each', () => {
  const statistics = {
    promptTokens: 5,
    generatedTokens: 1200,
    finishReason: 'length',
    seed: 7,
    cacheBytes: 327_680,
    firstTokenMilliseconds: 12.34,
    tokensPerSecond: 1234.56,
  } as const;
  assert.is(
    renderStatistics(statistics),
    `prompt       5 tokens
first token  after 12.3 ms
generated    1,200 tokens, 1,234.6 tokens/s
finished     length
cache        327,680 bytes
seed         7
`,
  );
  const none = { ...statistics, firstTokenMilliseconds: null, tokensPerSecond: null };
  assert.match(renderStatistics(none), /first token {2}none\ngenerated {4}1,200 tokens\n/);
});

test.run();

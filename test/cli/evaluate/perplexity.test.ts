import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scoreWindows, type Tally } from '../../../src/cli/evaluate/perplexity.ts';
import { countScored, countWindows } from '../../../src/cli/evaluate/windows.ts';
import { loadModel } from '../../../src/index.ts';
import { createRandom } from '../../helpers/checks/random.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { mechanismVariant } from '../../helpers/models/mechanism-model.ts';
import { logProbabilities } from '../../reference/log-probabilities.ts';
import { mechanismLogits } from '../../reference/mechanisms.ts';

const { config, build } = mechanismVariant('tpa');
const { source, tensors } = build();
const vocabSize = config['vocab_size'] as number;
const random = createRandom(9);
const ids = Uint32Array.from({ length: 61 }, () => random.integer(0, vocabSize - 1));
const never = new AbortController().signal;
const none: Tally = { windows: 0, nats: 0 };

/** In float64, token by token: the first window that holds it, and all that stands before it there. */
function bruteForce(startIds: readonly number[], windowTokens: number, stride: number) {
  let [nats, count] = [0, 0];
  for (let token = 0; token < ids.length; token++) {
    let first = 0;
    while (token >= first + windowTokens) first += stride;
    const before = [...startIds, ...ids.subarray(first, token)];
    if (before.length === 0) continue;
    const logits = mechanismLogits(config, tensors, before);
    nats -= logProbabilities(logits.subarray(-vocabSize), [ids[token]!], vocabSize)[0]!;
    count++;
  }
  return { nats, count };
}

const test = suite('scoreWindows()');

for (const [startIds, windowTokens, stride] of [
  [[], 61, 30],
  [[], 20, 10],
  [[], 20, 20],
  [[], 17, 5],
  [[3], 19, 10],
  [[3, 7], 8, 8],
] as [number[], number, number][]) {
  const what = `${windowTokens} tokens, ${stride} apart, after [${startIds.join(', ')}]`;
  test(`perplexity within 0.01 % of float64: ${what}`, async () => {
    using model = await loadModel(source, { simd: 'baseline' });
    const plan = { tokens: ids.length, windowTokens, stride, startTokens: startIds.length };
    const seen: Tally[] = [];
    const text = { startIds, ids };
    const tally = await scoreWindows(model, text, plan, none, never, (one) => void seen.push(one));
    const expected = bruteForce(startIds, windowTokens, stride);
    const windows = countWindows(plan);
    assert.is(countScored(plan, windows), expected.count);
    const off = Math.exp((tally.nats - expected.nats) / expected.count) - 1;
    assert.ok(Math.abs(off) <= 1e-4, `off by ${off}`);
    assert.is(tally.windows, windows);
    assert.equal(seen.at(-1), tally);
    for (const from of seen) {
      const rest = await scoreWindows(model, text, plan, from, never, () => {});
      assert.equal(rest, tally, 'the same bits from every window on');
    }
  });
}

test('an abort ends it between windows and inside one; those before are told', async () => {
  using model = await loadModel(source, { simd: 'baseline' });
  const plan = { tokens: ids.length, windowTokens: 20, stride: 10, startTokens: 0 };
  const controller = new AbortController();
  const seen: number[] = [];
  const run = scoreWindows(model, { startIds: [], ids }, plan, none, controller.signal, (tally) => {
    seen.push(tally.windows);
    if (tally.windows === 2) controller.abort();
  });
  await refused(() => run, 'ABORTED');
  assert.equal(seen, [1, 2]);
});

test.run();

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRandom } from '../../src/generate/random.ts';
import { logprobOf, sampleToken, type SamplingOptions } from '../../src/generate/sampling.ts';
import { TpaError } from '../../src/base/errors.ts';
import { assertCost } from '../helpers/checks/cost.ts';

const test = suite('sampleToken()');

const OFF: SamplingOptions = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};
const logitsOf = fc
  .array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 })
  .map((values) => Float32Array.from(values, (x) => Math.round(x * 4) / 4)); // many ties

function sample(logits: Float32Array, options: Partial<SamplingOptions>, seed = 1): number {
  return sampleToken(logits, { ...OFF, ...options }, [], createRandom(seed), logits.length);
}

function softmax(logits: Float32Array, temperature = 1): number[] {
  const max = Math.max(...logits);
  const weights = Array.from(logits, (x) => Math.exp((x - max) / temperature));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / total);
}

/** Ids by (logit descending, id ascending). */
function ranked(logits: Float32Array): number[] {
  return Array.from(logits.keys()).toSorted((a, b) => logits[b]! - logits[a]! || a - b);
}

/** Ids drawn with many different seeds. */
function support(logits: Float32Array, options: Partial<SamplingOptions>): Set<number> {
  const random = createRandom(11);
  const draw = () => sampleToken(logits, { ...OFF, ...options }, [], random, logits.length);
  return new Set(Array.from({ length: 2000 }, draw));
}

test('temperature 0, topK 1 and topP 0 take the highest logit, ties the lower id', () => {
  fc.assert(
    fc.property(logitsOf, fc.nat(), (logits, seed) => {
      const best = ranked(logits)[0];
      assert.is(sample(logits, { temperature: 0 }, seed), best);
      assert.is(sample(logits, { topK: 1 }, seed), best);
      assert.is(sample(logits, { topP: 0 }, seed), best);
      assert.is(sample(logits, { topP: 1e-300 }, seed), best);
      assert.is(sample(logits, { topK: 5, topP: 1e-9 }, seed), best);
      assert.is(sample(logits, { temperature: 1e-300, minP: 1, topK: 1 }, seed), best);
    }),
  );
});

test('20,000 draws follow the softmax at three temperatures (chi-square < 60 at 15 degrees)', () => {
  const logits = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i * 3) * 2);
  for (const temperature of [0.5, 1, 3]) {
    for (const options of [{}, { topK: 16 }, { topP: 1 - 1e-12 }]) {
      const random = createRandom(5);
      const counts = Array.from<number>({ length: 16 }).fill(0);
      for (let i = 0; i < 20_000; i++) {
        counts[sampleToken(logits, { ...OFF, ...options, temperature }, [], random, 16)]!++;
      }
      const chiSquare = softmax(logits, temperature)
        .map((p, id) => (counts[id]! - 20_000 * p) ** 2 / (20_000 * p))
        .reduce((a, b) => a + b);
      assert.ok(chiSquare < 60, `${chiSquare} at temperature ${temperature}`);
    }
  }
});

test('topK draws from exactly the k best by (logit, id)', () => {
  const logits = Float32Array.from([1, 2, 2, 1, 0, 2, 1, 1]);
  for (let k = 1; k <= 8; k++) {
    const expected = new Set(ranked(logits).slice(0, k));
    assert.equal([...support(logits, { topK: k })].toSorted(), [...expected].toSorted(), `k ${k}`);
  }
});

test('topP draws from exactly the smallest best set with that probability', () => {
  const logits = Float32Array.from([0.1, 0.3, 0.05, 0.25, 0.3], Math.log);
  const cases: [number, number[]][] = [
    [0.29, [1]],
    [0.31, [1, 4]],
    [0.59, [1, 4]],
    [0.61, [1, 3, 4]],
    [0.86, [0, 1, 3, 4]],
    [0.96, [0, 1, 2, 3, 4]],
  ];
  for (const [topP, ids] of cases) {
    assert.equal([...support(logits, { topP })].toSorted(), ids, `topP ${topP}`);
  }
});

test('topP works on what topK left, renormalised', () => {
  const logits = Float32Array.from([0.1, 0.3, 0.05, 0.25, 0.3], Math.log);
  assert.equal([...support(logits, { topK: 2, topP: 0.49 })], [1]);
  assert.equal([...support(logits, { topK: 2, topP: 0.51 })].toSorted(), [1, 4]);
});

test('minP drops what is less likely than that fraction of the likeliest', () => {
  fc.assert(
    fc.property(logitsOf, fc.double({ min: 0.01, max: 1, noNaN: true }), (logits, minP) => {
      const chances = softmax(logits);
      const limit = Math.max(...chances) * minP;
      for (let seed = 0; seed < 20; seed++) {
        assert.ok(chances[sample(logits, { minP }, seed)]! >= limit * (1 - 1e-12));
      }
    }),
  );
  const even = Float32Array.from([0, 0, -0.5, 0]);
  assert.equal([...support(even, { minP: 0.7 })].toSorted(), [0, 1, 3]);
  assert.equal([...support(even, { minP: 0.6 })].toSorted(), [0, 1, 2, 3]);
});

test('what minP leaves is drawn in proportion: 2 of 4 equal ids within 5 sigma of half', () => {
  const logits = Float32Array.from([-3, 1, -3, 1]);
  const random = createRandom(8);
  let count = 0;
  for (let i = 0; i < 10_000; i++) {
    if (sampleToken(logits, { ...OFF, temperature: 3, minP: 0.5 }, [], random, 4) === 1) count++;
  }
  assert.ok(Math.abs(count - 5000) < 5 * 50, String(count));
});

test('repetition penalty divides positive and multiplies negative logits, each id once', () => {
  const logits = Float32Array.from([4, 3, -1, -1.5]);
  const greedy = (history: number[], repetitionPenalty: number) =>
    sampleToken(logits, { ...OFF, temperature: 0, repetitionPenalty }, history, createRandom(0), 4);
  assert.is(greedy([0], 1.3), 0); // 4 / 1.3 = 3.08
  assert.is(greedy([0, 0, 0, 0], 1.3), 0);
  assert.is(greedy([0], 1.4), 1);
  assert.is(greedy([0, 1], 1.4), 0);
  const negative = Float32Array.from([-1, -1.5]);
  const options = { ...OFF, temperature: 0, repetitionPenalty: 1.6 };
  assert.is(sampleToken(negative, options, [0], createRandom(0), 2), 1);
  assert.equal([...logits], [4, 3, -1, -1.5]);
});

test('extreme temperatures stay finite: 1e-300 is greedy, 1e300 is uniform', () => {
  const logits = Float32Array.from([3e38, -3e38, 3.1e38, -Infinity]);
  assert.equal([...support(logits, { temperature: 1e-300 })], [2]);
  assert.equal([...support(logits, { temperature: 1e300 })].toSorted(), [0, 1, 2]);
  assert.equal([...support(logits, { temperature: Number.MIN_VALUE })], [2]);
});

test('one finite logit among -Infinity and NaN is always chosen', () => {
  const logits = Float32Array.from([NaN, -Infinity, -50, NaN, -Infinity]);
  for (const options of [{}, { temperature: 0 }, { topK: 3 }, { topP: 0.5 }, { minP: 0.9 }]) {
    assert.equal([...support(logits, options)], [2]);
  }
});

test('no finite logit, or +Infinity, is NONFINITE_LOGITS and never id 0', () => {
  for (const bad of [
    [NaN, NaN],
    [-Infinity, -Infinity],
    [0, Infinity],
  ]) {
    for (const options of [{}, { temperature: 0 }, { topK: 1 }, { topP: 0.5 }]) {
      assert.throws(
        () => sample(Float32Array.from(bad), options),
        (error: unknown) => error instanceof TpaError && error.code === 'NONFINITE_LOGITS',
      );
    }
  }
});

test('ids from candidates on are never chosen and weigh nothing', () => {
  const logits = Float32Array.from([0, 1, 9, 9]);
  const random = createRandom(2);
  for (const options of [OFF, { ...OFF, temperature: 0 }, { ...OFF, topK: 4 }]) {
    for (let i = 0; i < 200; i++) assert.ok(sampleToken(logits, options, [3], random, 2) < 2);
  }
  assert.ok(Math.abs(logprobOf(logits, 1, 2) - Math.log(1 / (1 + Math.exp(-1)))) < 1e-15);
});

test('logprobOf is the log-softmax within 1e-12', () => {
  fc.assert(
    fc.property(logitsOf, fc.nat(), (logits, n) => {
      const id = n % logits.length;
      const expected = Math.log(softmax(logits)[id]!);
      assert.ok(Math.abs(logprobOf(logits, id, logits.length) - expected) < 1e-12);
    }),
  );
});

test('50,000 logits cost less than ten full sorts of them in every mode', async () => {
  const random = createRandom(6);
  const logits = Float32Array.from({ length: 50_000 }, () => random.next() * 12 - 6);
  for (const options of [{}, { temperature: 0 }, { topK: 40 }, { topP: 0.95 }]) {
    await assertCost({
      what: JSON.stringify(options),
      control: () => logits.toSorted(),
      work: () => sample(logits, options, 1),
      factor: 10,
    });
  }
});

test.run();

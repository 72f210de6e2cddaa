import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../src/index.ts';
import { greedy as referenceGreedy } from '../../reference/greedy.ts';
import { logProbabilities, perplexity } from '../../reference/log-probabilities.ts';
import { BINARIES } from '../kernels/binaries.ts';
import type { CheckpointTensors, CheckpointVariant } from '../files/build-checkpoint.ts';
import { assertClose, maxAbsDiff } from '../checks/close.ts';
import { VISIBLE } from '../checks/golden.ts';
import { createRandom } from '../checks/random.ts';
import { greedy } from '../sessions/sessions.ts';

/** A checkpoint with a float64 truth, and the conventions that its logits depend on. */
export interface TruthfulVariant<Break extends string> extends CheckpointVariant {
  readonly breaks: readonly Break[];
}

/** Logits (T, vocab) in float64, some convention broken. */
export type Truth<Break extends string> = (
  config: object,
  tensors: CheckpointTensors,
  ids: readonly number[],
  options?: { break?: Break },
) => Float64Array;

/**
 * Float32 against float64 through 2 or 3 layers: logits within this times 1 + max |logit|.
 * Measured at most 1.1e-5 (third order) over all variants and both binaries, most below 5e-6.
 */
const RELATIVE = 2e-5;

/** More than two pages of the cache and more than four blocks of queries, where they fit. */
const TOKENS = 203;
/** Enough to see a convention. */
const SHORT = 40;

/** Registers the tests that every checkpoint must pass; the caller runs the suites. */
export function testCheckpoints<Break extends string>(
  family: string,
  variants: readonly TruthfulVariant<Break>[],
  truth: Truth<Break>,
): void {
  for (const simd of BINARIES) {
    const test = suite(`${family}, ${simd}`);
    for (const variant of variants) {
      const { name, config, build } = variant;
      const vocabSize = (config as { vocab_size: number }).vocab_size;

      test(`${name}: logits within ${RELATIVE} · (1 + max) of float64 at every position, prefill and decode; perplexity within 0.01 %`, async () => {
        const { source, tensors } = build();
        using model = await loadModel(source, { simd });
        const ids = tokensOf(name, Math.min(TOKENS, model.config.contextLength), vocabSize);
        const expected = truth(config, tensors, ids);
        const atol = bound(expected);
        assertClose(await model.logits(ids), expected, { atol, what: 'prefill' });
        const truthful = logProbabilities(expected, ids.slice(1), vocabSize);
        const scores = await model.score(ids);
        assertClose(scores, truthful, { atol: 2 * atol, what: 'scores' });
        const off = Math.abs(perplexity(scores) / perplexity(truthful) - 1);
        assert.ok(off <= 1e-4, `perplexity off by ${off}`);
        using session = model.createSession();
        const at = (t: number) => expected.subarray(t * vocabSize, (t + 1) * vocabSize);
        for (const [t, id] of ids.entries()) {
          const found = await session.decode(id);
          assertClose(found, at(t), { atol, what: `decode ${t}` });
        }
      });

      test(`${name}: greedy tokens, after truncate() and in a fork too`, async () => {
        const { source, tensors } = build();
        using model = await loadModel(source, { simd });
        const prompt = tokensOf(name, 12, vocabSize);
        const logitsOf = (ids: readonly number[]) => truth(config, tensors, ids);
        const expected = referenceGreedy(logitsOf, prompt, 10);
        using session = model.createSession();
        assert.equal(await greedy(session, prompt, 10), expected);
        using fork = session.fork();
        fork.truncate(prompt.length + 4);
        assert.equal(await greedy(fork, [], 6), expected.slice(4));
        session.truncate(5);
        assert.equal(await greedy(session, prompt.slice(5), 10), expected);
      });
    }
    test.run();
  }

  const sensitivity = suite(`${family}, sensitivity`);
  for (const { name, config, breaks, build } of variants) {
    sensitivity(`${name}: every convention broken is ${VISIBLE} bounds away`, async () => {
      const { source, tensors } = build();
      using model = await loadModel(source, { simd: 'baseline' });
      const ids = tokensOf(name, SHORT, model.config.vocabSize);
      const found = await model.logits(ids);
      const atol = bound(found);
      for (const broken of breaks) {
        const off = maxAbsDiff(found, truth(config, tensors, ids, { break: broken }));
        assert.ok(off > VISIBLE * atol, `${broken}: off by ${off}, bound ${atol}`);
      }
    });
  }
  sensitivity.run();
}

function tokensOf(name: string, count: number, vocabSize: number): number[] {
  const random = createRandom(name.length);
  return Array.from({ length: count }, () => random.integer(0, vocabSize - 1));
}

function bound(logits: ArrayLike<number>): number {
  return RELATIVE * (1 + Array.from(logits).reduce((max, x) => Math.max(max, Math.abs(x)), 0));
}

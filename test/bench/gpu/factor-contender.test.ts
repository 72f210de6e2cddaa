import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluate, FactorContender, firstTokens } from '../../../bench/gpu/factor-contender.ts';
import { tpaForm } from '../../../bench/gpu/forms.ts';
import { createRandomModel } from '../../../bench/gpu/random-model.ts';
import { CpuBackend } from '../../../src/backend/cpu.ts';

const SHAPE = { name: 'tiny', heads: 3, headDim: 16, rankQ: 3, rankK: 2, rankV: 2, dim: 24 };
const SIZES = { layers: 2, vocabSize: 61, contextLength: 128 };

const test = suite('bench gpu FactorContender');

test('firstTokens() cuts every layer', () => {
  const block = { layers: 2, count: 3, factors: Float32Array.from(Array(12).keys()) };
  assert.equal([...firstTokens(block, 2)], [0, 1, 2, 3, 6, 7, 8, 9]);
  assert.is(firstTokens(block, 5), block.factors);
});

test('a filled context gives the logits of the prompt it repeats, however often it is asked', async () => {
  const { compute, config, weights } = await createRandomModel(tpaForm(SHAPE, SIZES));
  const backend = new CpuBackend(compute, config, weights);
  const sequence = backend.createSequence();
  await evaluate(sequence, [7, 3, 9, 4, 2]);
  const factors = await sequence.readFactors(0, 5);
  const contender = new FactorContender('cpu', backend, { layers: 2, count: 5, factors });
  await contender.fill(5);
  const expected = await sequence.forward([1]);
  assert.equal(await contender.step(), expected);
  await contender.fill(12);
  assert.not.equal(await contender.step(), expected);
  await contender.fill(5);
  assert.equal(await contender.step(), expected);
});

test.run();

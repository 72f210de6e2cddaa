import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accuracy,
  likeliest,
  likeliestPerByte,
  scored,
} from '../../../../src/cli/evaluate/choice/accuracy.ts';

const question = (
  choices: readonly string[],
  loglikelihoods: readonly number[],
  answer: number,
  line = 1,
) => scored({ line, answer, choices }, { loglikelihoods, isTruncated: false });

const test = suite('accuracy');

test('the likeliest choice, and the likeliest a byte of UTF-8; the first of equals', () => {
  const accents = question(['éé', 'abc', 'x'], [-7, -5.5, -2], 0);
  assert.equal(accents.bytes, [4, 3, 1]);
  assert.is(likeliest(accents), 2);
  assert.is(likeliestPerByte(accents), 0); // -1.75, -1.83, -2
  const twice = question(['a', 'b', 'a'], [-3, -2, -2], 0);
  assert.is(likeliest(twice), 1);
  assert.is(likeliestPerByte(twice), 1);
});

test('an empty choice is never the likeliest a byte, but may be the likeliest', () => {
  const empty = question(['', 'ab', 'abc'], [-1, -9, -12], 2);
  assert.is(likeliest(empty), 0);
  assert.is(likeliestPerByte(empty), 2);
});

test('share of right answers, with the standard error of a sample of zeros and ones', () => {
  const answers = [0, 1, 1, 1, 0];
  const questions = answers.map((answer, i) => question(['a', 'b'], [-1, -2], answer, i + 1));
  const { mean, error } = accuracy(questions, likeliest);
  assert.is(mean, 2 / 5);
  const hits = answers.map((answer): number => (answer === 0 ? 1 : 0));
  const deviation = Math.sqrt(hits.reduce((sum, hit) => sum + (hit - mean) ** 2, 0) / 4);
  assert.ok(Math.abs(error! - deviation / Math.sqrt(5)) < 1e-12);
  assert.equal(accuracy(questions.slice(0, 1), likeliest), { mean: 1, error: null });
  assert.equal(accuracy(questions.slice(1, 4), likeliest), { mean: 0, error: 0 });
});

test.run();

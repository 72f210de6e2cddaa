import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveOptions, type GenerateOptions } from '../../src/generate/options.ts';
import { assertMistakes } from '../helpers/checks/refused.ts';

const test = suite('resolveOptions()');

const NUMBERS = ['maxTokens', 'temperature', 'topK', 'topP', 'minP', 'seed'];

type Refusal = readonly [options: unknown, message: RegExp];

const refusesAll = (kind: ErrorConstructor, refusals: readonly Refusal[]) =>
  assertMistakes(
    refusals.map(([options, message]) => [
      () => resolveOptions(options as GenerateOptions),
      kind,
      message,
    ]),
  );

test('fills in the documented defaults, a fresh seed each time', () => {
  const { seed, ...rest } = resolveOptions();
  assert.equal(rest, {
    maxTokens: 256,
    temperature: 0.8,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    stop: [],
    stopTokens: [],
    logprobs: false,
    signal: undefined,
  });
  assert.ok(Number.isInteger(seed));
  const seeds = Array.from({ length: 5 }, () => resolveOptions().seed);
  assert.ok(new Set(seeds).size > 1);
});

test('undefined means the default', () => {
  const nothing = { maxTokens: undefined, stop: undefined, signal: undefined };
  assert.is(resolveOptions(nothing as unknown as GenerateOptions).maxTokens, 256);
});

test('keeps what is in range, edges included', () => {
  const signal = new AbortController().signal;
  const given = {
    maxTokens: 1,
    temperature: 0,
    topK: 3,
    topP: 0,
    minP: 1,
    repetitionPenalty: 100,
    seed: Number.MAX_SAFE_INTEGER,
    stop: ['a', 'b'],
    stopTokens: [0, 7],
    logprobs: true,
    signal,
  };
  assert.equal(resolveOptions(given), given);
  assert.equal(resolveOptions({ stop: 'x' }).stop, ['x']);
});

test('names an unknown key and the nearest known one', async () => {
  await refusesAll(TypeError, [
    [{ max_tokens: 3 }, /^"max_tokens" .* did you mean "maxTokens"\?$/],
    [{ top_p: 0.9 }, /did you mean "topP"/],
    [{ temprature: 1 }, /did you mean "temperature"/],
    [
      { stopSequences: 1 },
      /^"stopSequences" is not an option of generate, expected max.*, signal$/,
    ],
    [{ toString: 1 }, /^"toString" is not/],
    [JSON.parse('{"__proto__": 1}'), /^"__proto__" is not/],
    [{ ['x\n'.repeat(99)]: 1 }, /^"(x\\u000a){5}x\\\.\.\." is not an option of generate[^\n]*$/],
  ]);
});

test('out of range is RangeError in the house shape, NaN included', async () => {
  await refusesAll(RangeError, [
    [{ maxTokens: 0 }, /^"maxTokens" expected an integer >= 1, got 0$/],
    [{ maxTokens: 1.5 }, /got 1.5$/],
    [{ maxTokens: Infinity }, /got Infinity$/],
    [{ temperature: -1 }, /^"temperature" expected a finite number >= 0, got -1$/],
    [{ temperature: Infinity }, /"temperature"/],
    [{ topK: -1 }, /"topK"/],
    [{ topP: 1.01 }, /^"topP" expected a number in 0..1, got 1.01$/],
    [{ minP: -0.1 }, /"minP"/],
    [{ repetitionPenalty: 0 }, /"repetitionPenalty"/],
    [{ seed: 2 ** 53 }, /"seed"/],
    ...NUMBERS.map((key): Refusal => [{ [key]: NaN }, new RegExp(`^"${key}" .* got NaN$`)]),
  ]);
});

test('a wrong type is TypeError', async () => {
  await refusesAll(TypeError, [
    ...NUMBERS.flatMap((key): Refusal[] => [
      [{ [key]: '1' }, new RegExp(`^"${key}" expected .* got string$`)],
      [{ [key]: null }, new RegExp(`^"${key}" expected .* got null$`)],
    ]),
    [{ logprobs: 1 }, /"logprobs" expected a boolean, got 1/],
    [{ signal: {} }, /"signal" expected an AbortSignal/],
    [{ signal: 'x' }, /"signal"/],
    [null, /"options" expected an object, got null/],
    [5, /"options"/],
    [{ stop: ['a', 7] }, /"stop\[1\]" expected a string, got 7/],
    [{ stop: 7 }, /"stop"/],
  ]);
});

test('stop: up to 16 well-formed strings of 1..256 units', async () => {
  const strings = Array.from({ length: 17 }, () => 'x');
  assert.is(resolveOptions({ stop: strings.slice(1) }).stop.length, 16);
  await refusesAll(RangeError, [
    [{ stop: strings }, /"stop" expected at most 16/],
    [{ stop: '' }, /"stop\[0\]"/],
    [{ stop: ['a', ''] }, /"stop\[1\]" expected 1..256 UTF-16 units, got 0/],
    [{ stop: 'x'.repeat(257) }, /got 257/],
    [{ stop: '\ud83d' }, /lone surrogate/],
  ]);
});

test('stopTokens: up to 64 ids', async () => {
  const ids = Array.from({ length: 64 }, (_, id) => id);
  assert.equal(resolveOptions({ stopTokens: ids }).stopTokens, ids);
  await refusesAll(RangeError, [
    [{ stopTokens: [...ids, 64] }, /^"stopTokens" expected at most 64 ids, got 65$/],
    [{ stopTokens: [1, -1] }, /^"stopTokens\[1\]" expected an integer >= 0, got -1$/],
    [{ stopTokens: [0.5] }, /^"stopTokens\[0\]" .* got 0.5$/],
  ]);
  await refusesAll(TypeError, [
    [{ stopTokens: 7 }, /^"stopTokens" expected token ids, got 7$/],
    [{ stopTokens: ['7'] }, /^"stopTokens\[0\]" .* got string$/],
    [{ stopTokens: Array(2) }, /^"stopTokens\[0\]" .* got undefined$/],
  ]);
});

test.run();

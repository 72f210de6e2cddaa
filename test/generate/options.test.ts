import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveOptions, type GenerateOptions } from '../../src/generate/options.ts';

const test = suite('resolveOptions()');

function refused(options: unknown, type: ErrorConstructor, message: RegExp): void {
  assert.throws(
    () => resolveOptions(options as GenerateOptions),
    (error: unknown) =>
      error instanceof type && message.test(error.message) && !error.message.includes('\n'),
    JSON.stringify(options),
  );
}

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
    logprobs: true,
    signal,
  };
  assert.equal(resolveOptions(given), given);
  assert.equal(resolveOptions({ stop: 'x' }).stop, ['x']);
});

test('names an unknown key and the nearest known one', () => {
  refused({ max_tokens: 3 }, TypeError, /^"max_tokens" .* did you mean "maxTokens"\?$/);
  refused({ top_p: 0.9 }, TypeError, /did you mean "topP"/);
  refused({ temprature: 1 }, TypeError, /did you mean "temperature"/);
  refused(
    { stopSequences: 1 },
    TypeError,
    /^"stopSequences" is not an option of generate, expected maxTokens, .*, signal$/,
  );
  refused({ toString: 1 }, TypeError, /^"toString" is not/);
  refused(JSON.parse('{"__proto__": 1}'), TypeError, /^"__proto__" is not/);
  refused({ ['x\n'.repeat(99)]: 1 }, TypeError, /^"(x\\u000a){5}x\\\.\.\." is not/);
});

test('out of range is RangeError in the house shape, NaN included', () => {
  refused({ maxTokens: 0 }, RangeError, /^"maxTokens" expected an integer >= 1, got 0$/);
  refused({ maxTokens: 1.5 }, RangeError, /got 1.5$/);
  refused({ maxTokens: Infinity }, RangeError, /got Infinity$/);
  refused({ temperature: -1 }, RangeError, /^"temperature" expected a finite number >= 0, got -1$/);
  refused({ temperature: Infinity }, RangeError, /"temperature"/);
  refused({ topK: -1 }, RangeError, /"topK"/);
  refused({ topP: 1.01 }, RangeError, /^"topP" expected a number in 0..1, got 1.01$/);
  refused({ minP: -0.1 }, RangeError, /"minP"/);
  refused({ repetitionPenalty: 0 }, RangeError, /"repetitionPenalty"/);
  refused({ seed: 2 ** 53 }, RangeError, /"seed"/);
  for (const key of ['maxTokens', 'temperature', 'topK', 'topP', 'minP', 'seed']) {
    refused({ [key]: NaN }, RangeError, new RegExp(`^"${key}" .* got NaN$`));
  }
});

test('a wrong type is TypeError', () => {
  for (const key of ['maxTokens', 'temperature', 'topK', 'topP', 'minP', 'seed']) {
    refused({ [key]: '1' }, TypeError, new RegExp(`^"${key}" expected .* got string$`));
    refused({ [key]: null }, TypeError, new RegExp(`^"${key}" expected .* got null$`));
  }
  refused({ logprobs: 1 }, TypeError, /"logprobs" expected a boolean, got 1/);
  refused({ signal: {} }, TypeError, /"signal" expected an AbortSignal/);
  refused({ signal: 'x' }, TypeError, /"signal"/);
  refused(null, TypeError, /"options" expected an object, got null/);
  refused(5, TypeError, /"options"/);
});

test('stop: up to 16 well-formed strings of 1..256 units', () => {
  assert.is(resolveOptions({ stop: Array.from<string>({ length: 16 }).fill('x') }).stop.length, 16);
  refused(
    { stop: Array.from<string>({ length: 17 }).fill('x') },
    RangeError,
    /"stop" expected at most 16/,
  );
  refused({ stop: '' }, RangeError, /"stop\[0\]"/);
  refused({ stop: ['a', ''] }, RangeError, /"stop\[1\]" expected 1..256 UTF-16 units, got 0/);
  refused({ stop: 'x'.repeat(257) }, RangeError, /got 257/);
  refused({ stop: ['a', 7] }, TypeError, /"stop\[1\]" expected a string, got 7/);
  refused({ stop: 7 }, TypeError, /"stop"/);
  refused({ stop: '\ud83d' }, RangeError, /lone surrogate/);
});

test.run();

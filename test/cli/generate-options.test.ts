import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { optionName } from '../../src/cli/arguments.ts';
import { generateCommand } from '../../src/cli/commands/generate.ts';
import { samplingOf } from '../../src/cli/sampling.ts';
import { resolveOptions } from '../../src/generate/options.ts';

const test = suite('options of tpa generate');

const { options } = generateCommand.spec;
/** What means nothing on a command line, or is about the process. */
const NOT_TYPED = new Set(['signal', 'logprobs']);
const NOT_SAMPLING = new Set(['model', 'simd', 'backend', 'threads', 'memory', 'context', 'json']);

test('are those of the library, all of them', () => {
  const library = Object.keys(resolveOptions()).filter((key) => !NOT_TYPED.has(key));
  const typed = Object.keys(samplingOf(Object.fromEntries(Object.keys(options).map(one))));
  assert.equal(typed.toSorted(), library.toSorted());
});

test('have the defaults of the library', () => {
  const { seed: _, stop: __, stopTokens: ___, ...defaults } = resolveOptions();
  for (const [key, value] of Object.entries(defaults)) {
    if (!NOT_TYPED.has(key)) assert.is(options[key]?.fallback, String(value), key);
  }
});

test('accept what the library accepts, and nothing else', () => {
  const numbers = ['-1', '-0.01', '0', '0.005', '0.01', '0.5', '1', '1.01', '2', '100', '100.5'];
  for (const [key, option] of Object.entries(options)) {
    if (option.range === undefined || NOT_SAMPLING.has(key)) continue;
    for (const word of [...numbers, '1e300', '9007199254740991', '9007199254740992']) {
      const isAccepted = option.read(word, undefined) !== undefined;
      assert.is(isAccepted, libraryAccepts(key, Number(word)), `--${optionName(key)} ${word}`);
    }
  }
});

test.run();

function one(key: string): [string, number] {
  return [key, 1];
}

function libraryAccepts(key: string, value: number): boolean {
  try {
    resolveOptions(samplingOf({ [key]: key === 'stopToken' ? [value] : value }));
    return true;
  } catch {
    return false;
  }
}

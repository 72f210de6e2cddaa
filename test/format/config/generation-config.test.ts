import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGenerationConfig } from '../../../src/format/config/generation-config.ts';
import { resolveOptions, type GenerateOptions } from '../../../src/generate/options.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';

const test = suite('parseGenerationConfig()');

const parse = (json: unknown) => parseGenerationConfig(json, 100);

test('names of transformers become the options of generate', () => {
  const json = {
    temperature: 0.6,
    top_k: 20,
    top_p: 0.95,
    min_p: 0.05,
    repetition_penalty: 1.1,
    max_new_tokens: 512,
    do_sample: true,
    eos_token_id: [2, 99],
    transformers_version: CANARY,
  };
  const { defaults, eosTokenIds } = parse(json);
  const expected = { temperature: 0.6, topK: 20, topP: 0.95, minP: 0.05, repetitionPenalty: 1.1 };
  assert.equal(defaults, { ...expected, maxTokens: 512 });
  assert.equal(eosTokenIds, [2, 99]);
  const resolved = Object.entries(resolveOptions({}, defaults));
  const ofTheModel = resolved.filter(([option]) => option in defaults);
  assert.equal(Object.fromEntries(ofTheModel), defaults);
});

test('what is null or missing is not set; one end token is as good as a list', () => {
  assert.equal(parse({}), { eosTokenIds: [], defaults: {} });
  const json = { temperature: null, top_k: null, eos_token_id: 7, do_sample: null };
  assert.equal(parse(json), { eosTokenIds: [7], defaults: {} });
});

test('do_sample: false is temperature 0, true leaves it', () => {
  assert.is(parse({ do_sample: false, temperature: 0.7 }).defaults.temperature, 0);
  assert.is(parse({ do_sample: true, temperature: 0.7 }).defaults.temperature, 0.7);
  assert.is('temperature' in parse({ do_sample: true }).defaults, false);
});

test('an odd value is CONFIG_INVALID and names file and field', async () => {
  const odd: Record<string, unknown[]> = {
    temperature: [-0.1, -2, '0.7', [1], {}, true, NaN, Infinity],
    top_k: [-2, 1.5, '5', 2 ** 53],
    top_p: [-0.01, 1.01, CANARY],
    min_p: [-0.01, 1.01, {}],
    repetition_penalty: [-0.5, 0.009, 100.1, CANARY],
    max_new_tokens: [-2, 0.5, CANARY],
    do_sample: ['false', 0, CANARY],
    eos_token_id: [-2, 2 ** 53, 1.5, CANARY, [[1]], Array.from({ length: 257 }, () => 1)],
  };
  for (const [key, values] of Object.entries(odd)) {
    for (const value of values) {
      const error = await refused(() => parse({ [key]: value }), 'CONFIG_INVALID', key);
      assert.match(error.message, `generation_config.json: "${key}" expected`);
      assert.equal([error.data['file'], error.data['path']], ['generation_config.json', key]);
    }
  }
  for (const json of [null, [], 5, CANARY]) {
    const error = await refused(() => parse(json), 'CONFIG_INVALID');
    assert.match(error.message, /^generation_config.json expected an object/);
  }
});

test('values that say "off" leave an option to the library, 0 where the option has no 0', () => {
  const keys = ['temperature', 'top_k', 'top_p', 'min_p', 'repetition_penalty', 'max_new_tokens'];
  for (const key of keys) {
    for (const off of [null, false, -1]) {
      assert.equal(parse({ [key]: off }), { eosTokenIds: [], defaults: {} }, `${key} ${off}`);
    }
  }
  for (const key of ['repetition_penalty', 'max_new_tokens']) {
    assert.equal(parse({ [key]: 0 }).defaults, {}, key);
  }
  const zeros = { temperature: 0, top_k: 0, top_p: 0, min_p: 0 };
  assert.equal(parse(zeros).defaults, { temperature: 0, topK: 0, topP: 0, minP: 0 });
});

test('an end token of -1 is none, one beyond the vocabulary is left out', () => {
  assert.equal(parse({ eos_token_id: -1 }).eosTokenIds, []);
  assert.equal(parse({ eos_token_id: 100 }).eosTokenIds, []);
  assert.equal(parse({ eos_token_id: [99, 100, -1, 2 ** 31] }).eosTokenIds, [99]);
});

test('bounds are those of the options', () => {
  const pairs = {
    temperature: 'temperature',
    top_k: 'topK',
    top_p: 'topP',
    min_p: 'minP',
    repetition_penalty: 'repetitionPenalty',
    max_new_tokens: 'maxTokens',
  };
  for (const [key, option] of Object.entries(pairs)) {
    for (const value of [-0.5, 0.009, 0.01, 0.5, 1, 1.01, 2, 100, 100.5, 1e300, 2 ** 53]) {
      const isRead = accepts(() => parse({ [key]: value }));
      const isOption = accepts(() => resolveOptions({ [option]: value } as GenerateOptions));
      assert.is(isRead, isOption, `${key} ${value}`);
    }
  }
});

test.run();

function accepts(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

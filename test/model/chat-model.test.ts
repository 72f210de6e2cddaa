import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type ModelBytes } from '../../src/index.ts';

const test = suite('a model with a generation_config.json');

const file = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../models/t6-fairytales/${name}`, import.meta.url)));
const SOURCE: ModelBytes = {
  config: file('config.json'),
  weights: file('model.safetensors'),
  tokenizer: file('tokenizer.json'),
};
const GREEDY = { temperature: 0, maxTokens: 8 };

test('end tokens of both files end a generation, the sampling fields are defaults', async () => {
  using plain = await loadModel(SOURCE);
  assert.equal(plain.generationDefaults, {});
  assert.is(plain.hasChatTemplate, false);
  const first = plain.createSession().generate('Once upon a time', GREEDY);
  await first.text();
  const end = first.tokens[3]!;

  const generationConfig = { eos_token_id: [end, end], do_sample: false, max_new_tokens: 6 };
  const json = JSON.parse(new TextDecoder().decode(file('config.json'))) as object;
  const config = { ...json, eos_token_id: [256, 7] };
  using model = await loadModel({ ...SOURCE, config, generationConfig });
  assert.equal(model.config.eosTokenIds, [256, 7, end]);
  assert.equal(model.generationDefaults, { temperature: 0, maxTokens: 6 });
  const generation = model.createSession().generate('Once upon a time');
  await generation.text();
  const stopped = first.tokens.slice(0, first.tokens.indexOf(end) + 1);
  assert.equal([generation.tokens, generation.finishReason], [stopped, 'stop']);
});

test('an end token beyond the vocabulary is never produced, and left out', async () => {
  using model = await loadModel({ ...SOURCE, generationConfig: { eos_token_id: [2048, 7] } });
  assert.equal(model.config.eosTokenIds, [256, 7]);
});

test('a token that only another file names as EOS ends a generation', async () => {
  using plain = await loadModel(SOURCE);
  const first = plain.createSession().generate('Once upon a time', GREEDY);
  await first.text();
  const end = first.tokens[3]!;
  const expected = [first.tokens.slice(0, first.tokens.indexOf(end) + 1), 'stop'];
  // as tokenizer.json writes it: "Ġ" for a space
  const eos_token = plain.tokenizer!.decode([end]).replace(' ', '\u0120');
  for (const files of [
    { tokenizerConfig: { eos_token } },
    { specialTokensMap: { eos_token: { content: eos_token } } },
  ]) {
    using model = await loadModel({ ...SOURCE, ...files });
    const generation = model.createSession().generate('Once upon a time', GREEDY);
    await generation.text();
    assert.equal([generation.tokens, generation.finishReason], expected);
  }
});

test.run();

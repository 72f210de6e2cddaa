import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model } from '../../src/index.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';

const { build } = llamaVariant('llama-untied');
const { source } = build({ shards: 3 });
const whole = build().source;
const generationConfig = { eos_token_id: [7, 11], top_k: 5, temperature: 0.25, do_sample: true };
const specialTokensMap = { eos_token: { content: '>' } };
const tokenizerConfig = { bos_token: '<s>', chat_template: 'not this one' };
const chatTemplate = '{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}';
const tokenizer = {
  added_tokens: [{ id: 1, content: '<s>', special: true }],
  model: {
    type: 'BPE',
    unk_token: '?',
    merges: [],
    vocab: { '?': 0, a: 3, b: 4, c: 5, '<': 6, s: 8, '>': 9 },
  },
};
const IDS = [1, 5, 9, 2, 60];

const test = suite<{ root: string }>('a folder as Hugging Face has it');

test.before(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-folder-'));
  const files = new Map<string, string | Uint8Array>([
    ...(source.weights as ReadonlyMap<string, Uint8Array>),
    ['config.json', JSON.stringify(source.config)],
    ['generation_config.json', JSON.stringify(generationConfig)],
    ['tokenizer.json', JSON.stringify(tokenizer)],
    ['tokenizer_config.json', JSON.stringify(tokenizerConfig)],
    ['special_tokens_map.json', JSON.stringify(specialTokensMap)],
    ['chat_template.jinja', chatTemplate],
  ]);
  for (const [name, content] of files) await writeFile(join(context.root, name), content);
});
test.after(({ root }) => rm(root, { recursive: true }));

/** Fails unless the model is whole: weights of every shard, ends, defaults and template. */
async function check(model: Model): Promise<void> {
  using expected = await loadModel(whole, { simd: 'baseline' });
  assertSame(await model.logits(IDS), await expected.logits(IDS), 'logits');
  assert.equal(
    [...model.config.eosTokenIds].toSorted((a, b) => a - b),
    [2, 7, 9, 11],
  );
  assert.equal(model.generationDefaults, { topK: 5, temperature: 0.25 });
  assert.is(model.hasChatTemplate, true);
  using session = model.createSession();
  const messages = [
    { role: 'user', content: 'ab' },
    { role: 'assistant', content: 'c<s>' },
  ];
  await session.generate({ messages }, { maxTokens: 1 }).text();
  const { tokenizer: made } = model;
  const bos = made!.specialTokens.get('<s>')!;
  const expectedIds = [bos, ...made!.encode('abc<s>')];
  assert.equal(session.tokens.slice(0, expectedIds.length), expectedIds);
}

test('from a directory: three shards, generation_config.json, chat_template.jinja', async ({
  root,
}) => {
  for (const address of [root, `file://${root}`]) {
    using model = await loadModel(address, { simd: 'baseline' });
    await check(model);
  }
});

test('from bytes: the same', async () => {
  const text = { generationConfig, tokenizer, tokenizerConfig, specialTokensMap, chatTemplate };
  const given = { ...source, ...text };
  using model = await loadModel(given, { simd: 'baseline' });
  await check(model);
});

test.run();

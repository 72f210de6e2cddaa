import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { talkingT6 } from '../helpers/sessions/talking-t6.ts';

const test = suite('a model with files for generation and chats');

const SOURCE = talkingT6({ eos_token_id: 256 });
const GREEDY = { temperature: 0, maxTokens: 8 };

test('end tokens of both files end a generation, the sampling fields are defaults', async () => {
  using plain = await loadModel(SOURCE);
  assert.equal(plain.generationDefaults, {});
  assert.is(plain.hasChatTemplate, false);
  const first = plain.createSession().generate('Once upon a time', GREEDY);
  await first.text();
  const end = first.tokens[3]!;

  const generationConfig = { eos_token_id: [end, end], do_sample: false, max_new_tokens: 6 };
  const config = { ...SOURCE.config, eos_token_id: [256, 7] };
  using model = await loadModel({ ...SOURCE, config, generationConfig });
  assert.equal(model.config.eosTokenIds, [256, 7, end]);
  assert.equal(model.generationDefaults, { temperature: 0, maxTokens: 6 });
  const generation = model.createSession().generate('Once upon a time');
  await generation.text();
  const stopped = first.tokens.slice(0, first.tokens.indexOf(end) + 1);
  assert.equal([generation.tokens, generation.finishReason], [stopped, 'stop']);
});

const named = (name: string) => ({ name, template: `${name}{{ messages[0].content }}` });
const tokenizerConfig = { chat_template: ['default', 'tool_use', 'rag'].map(named) };
const messages = [{ role: 'user', content: 'Hi' }];

test('a template is chosen by the conversation, by the option, by tools, or is the default', async () => {
  const source = { ...SOURCE, tokenizerConfig };
  using model = await loadModel(source);
  using told = await loadModel(source, { chatTemplate: 'rag' });
  using given = await loadModel(source, { chatTemplate: '-{{ messages[0].content }}' });
  assert.equal(model.chatTemplates, ['default', 'tool_use', 'rag']);
  const cases = [
    [model, {}, 'default'],
    [model, { tools: [] }, 'tool_use'],
    [model, { tools: [], chatTemplate: 'default' }, 'default'],
    [model, { chatTemplate: 'rag' }, 'rag'],
    [model, { chatTemplate: '+{{ messages[0].content }}' }, '+'],
    [told, {}, 'rag'],
    [told, { tools: [] }, 'rag'],
    [told, { chatTemplate: 'default' }, 'default'],
    [given, {}, '-'],
  ] as const;
  for (const [one, more, expected] of cases) {
    assert.ok(one.hasChatTemplate);
    const session = one.createSession();
    await session.generate({ messages, ...more }, { maxTokens: 1 }).text();
    assert.is(one.tokenizer!.decode(session.tokens.slice(0, -1)), `${expected}Hi`);
    session.dispose();
  }
});

test('a name that the model does not have is refused with those that it has', async () => {
  const source = { ...SOURCE, tokenizerConfig: { chat_template: [named('rag'), named('b')] } };
  using model = await loadModel(source);
  const session = model.createSession();
  assert.equal([model.hasChatTemplate, model.chatTemplates], [false, ['rag', 'b']]);
  const expected = /^"chatTemplate" expected "rag", "b" or a Jinja template, got "default"$/;
  await assertMistakes([
    [() => session.generate({ messages, chatTemplate: 'default' }), RangeError, expected],
    [() => loadModel(source, { chatTemplate: 'default' }), RangeError, expected],
    [
      () => loadModel(SOURCE, { chatTemplate: 'x' }),
      RangeError,
      /^"chatTemplate" expected a Jinja/,
    ],
    [
      () => loadModel(source, { chatTemplate: 5 as never }),
      TypeError,
      /^"chatTemplate" expected a st/,
    ],
  ]);
  await refused(() => session.generate({ messages }), 'CHAT_TEMPLATE_MISSING', /: "rag", "b"$/);
  using plain = await loadModel(SOURCE);
  assert.equal(plain.chatTemplates, []);
  const bare = plain.createSession();
  await refused(() => bare.generate(messages), 'CHAT_TEMPLATE_MISSING', /"chatTemplate"$/);
  const own = bare.generate({ messages, chatTemplate: 'Hi {{ 1 }}' }, { maxTokens: 1 });
  await own.text();
  assert.is(plain.tokenizer!.decode(bare.tokens.slice(0, -1)), 'Hi 1');
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

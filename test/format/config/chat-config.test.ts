import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTokenizerConfig } from '../../../src/format/config/chat-config.ts';
import { MAX_TEMPLATE_LENGTH } from '../../../src/format/config/limits.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';

const test = suite('parseTokenizerConfig()');

const entry = (name: string, template: string) => ({ name, template });

test('a template and tokens, as text or as objects with content', () => {
  const json = {
    chat_template: 'T',
    bos_token: '<s>',
    eos_token: { content: '</s>', lstrip: false },
    pad_token: 5,
  };
  assert.equal(parseTokenizerConfig(json), { template: 'T', bosToken: '<s>', eosToken: '</s>' });
});

test('what is null or missing is not set', () => {
  assert.equal(parseTokenizerConfig({}), {});
  assert.equal(parseTokenizerConfig({ chat_template: null, bos_token: null }), {});
});

test('of several templates the first named default, none where none is', () => {
  const several = [entry('tool_use', 'A'), entry('default', 'B'), entry('default', 'C')];
  assert.equal(parseTokenizerConfig({ chat_template: several }), { template: 'B' });
  assert.equal(parseTokenizerConfig({ chat_template: several.slice(0, 1) }), {});
  assert.equal(parseTokenizerConfig({ chat_template: [] }), {});
});

test('odd values are CONFIG_INVALID and name file and field', async () => {
  const odd: [string, object][] = [
    ['chat_template', { chat_template: 5 }],
    ['chat_template', { chat_template: { default: CANARY } }],
    ['chat_template', { chat_template: 'x'.repeat(MAX_TEMPLATE_LENGTH + 1) }],
    [
      'chat_template',
      { chat_template: Array.from({ length: 65 }, () => ({ name: 'a', template: '' })) },
    ],
    ['chat_template.name', { chat_template: [null] }],
    ['chat_template.name', { chat_template: [{ template: CANARY }] }],
    ['chat_template.template', { chat_template: [{ name: CANARY }] }],
    ['chat_template.template', { chat_template: [{ name: 'default', template: [CANARY] }] }],
    ['bos_token', { bos_token: 5 }],
    ['bos_token', { bos_token: {} }],
    ['eos_token', { eos_token: { content: [CANARY] } }],
    ['eos_token', { eos_token: 'x'.repeat(257) }],
  ];
  for (const [path, json] of odd) {
    const error = await refused(() => parseTokenizerConfig(json), 'CONFIG_INVALID', path);
    assert.match(error.message, `tokenizer_config.json: "${path}" expected`);
    assert.equal([error.data['file'], error.data['path']], ['tokenizer_config.json', path]);
  }
  await refused(() => parseTokenizerConfig([]), 'CONFIG_INVALID');
  assert.is(
    parseTokenizerConfig({ chat_template: 'x'.repeat(MAX_TEMPLATE_LENGTH) }).template?.length,
    MAX_TEMPLATE_LENGTH,
  );
});

test.run();

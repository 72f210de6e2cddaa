import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTokenizerConfig } from '../../../src/format/config/chat-config.ts';
import { MAX_TEMPLATE_LENGTH } from '../../../src/format/config/limits.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';

const test = suite('parseTokenizerConfig()');

const NONE = new Map<string, string>();
const entry = (name: string, template: string) => ({ name, template });

test('a template and tokens, as text or as objects with content', () => {
  const json = {
    chat_template: 'T',
    bos_token: '<s>',
    eos_token: { content: '</s>', lstrip: false },
    pad_token: 5,
  };
  const templates = new Map([['default', 'T']]);
  assert.equal(parseTokenizerConfig(json), { templates, bosToken: '<s>', eosToken: '</s>' });
});

test('what is null or missing is not set', () => {
  assert.equal(parseTokenizerConfig({}), { templates: NONE });
  assert.equal(parseTokenizerConfig({ chat_template: null, bos_token: null }), {
    templates: NONE,
  });
});

test('several templates by their names, the first of each name', () => {
  const several = [entry('tool_use', 'A'), entry('default', 'B'), entry('default', 'C')];
  const { templates } = parseTokenizerConfig({ chat_template: several });
  assert.equal(
    [...templates],
    [
      ['tool_use', 'A'],
      ['default', 'B'],
    ],
  );
  assert.equal(parseTokenizerConfig({ chat_template: [] }), { templates: NONE });
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
    parseTokenizerConfig({ chat_template: 'x'.repeat(MAX_TEMPLATE_LENGTH) }).templates.get(
      'default',
    )?.length,
    MAX_TEMPLATE_LENGTH,
  );
});

test.run();

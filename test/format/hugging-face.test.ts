import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chatConfigOf } from '../../src/format/config/chat-config.ts';
import { parseGenerationConfig } from '../../src/format/config/generation-config.ts';
import { readTextFiles } from '../../src/format/hugging-face.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { openModelFiles } from '../../src/format/files/model-source.ts';
import { CANARY, refused } from '../helpers/checks/refused.ts';

const test = suite('readTextFiles()');

const BASE = { config: '{}', weights: new Uint8Array() };
const TOKENS = { bos_token: '<s>', eos_token: { content: '</s>' } };

async function chat(source: Partial<ModelBytes>) {
  return chatConfigOf(await readTextFiles(await openModelFiles({ ...BASE, ...source })));
}

const templates = (template: string) => new Map([['default', template]]);

async function generation(generationConfig?: ModelBytes['generationConfig']) {
  const source = { ...BASE, ...(generationConfig === undefined ? {} : { generationConfig }) };
  const text = await readTextFiles(await openModelFiles(source));
  return parseGenerationConfig(text.generationConfig ?? {}, 100);
}

test('chat_template.jinja goes before the template of tokenizer_config.json, which has the tokens', async () => {
  const tokens = { bosToken: '<s>', eosToken: '</s>' };
  const several = { name: 'tool_use', template: 'C' };
  const tokenizerConfig = { ...TOKENS, chat_template: 'B' };
  assert.equal(await chat({ chatTemplate: 'A', tokenizerConfig }), {
    templates: templates('A'),
    ...tokens,
  });
  assert.equal(await chat({ tokenizerConfig }), { templates: templates('B'), ...tokens });
  assert.equal(await chat({ chatTemplate: 'A' }), { templates: templates('A') });
  assert.equal(await chat({ chatTemplate: '', tokenizerConfig: { chat_template: [several] } }), {
    templates: templates(''),
  });
});

test('no file, or none with a template: no templates', async () => {
  const none = { templates: new Map() };
  assert.equal(await chat({}), none);
  assert.equal(await chat({ tokenizerConfig: { bos_token: '<s>' } }), { ...none, bosToken: '<s>' });
  assert.equal(await generation(), { eosTokenIds: [], defaults: {} });
});

test('files that are no text, no JSON, too deep: CONFIG_INVALID with the file', async () => {
  const odd = [
    CANARY,
    '',
    '[]',
    '['.repeat(1000),
    Uint8Array.of(0x7b, 0xe9, 0x7d),
    '{"a":1}\uFFFE',
  ];
  for (const file of odd) {
    const config = await refused(() => chat({ tokenizerConfig: file }), 'CONFIG_INVALID');
    assert.is(config.data['file'], 'tokenizer_config.json');
    await refused(() => generation(file), 'CONFIG_INVALID', { file: 'generation_config.json' });
  }
  const weights = new Map([['chat_template.jinja', Uint8Array.of(0x61, 0xe9)]]);
  await refused(() => chat({ weights }), 'CONFIG_INVALID', { file: 'chat_template.jinja' });
});

test('files too long are refused: RESOURCE_LIMIT unread, CONFIG_INVALID by characters', async () => {
  await refused(() => generation(' '.repeat(2 ** 20 + 1)), 'RESOURCE_LIMIT');
  await refused(() => chat({ tokenizerConfig: ' '.repeat(2 ** 24 + 1) }), 'RESOURCE_LIMIT');
  await refused(() => chat({ chatTemplate: 'x'.repeat(3 * 2 ** 17 + 1) }), 'RESOURCE_LIMIT');
  await refused(() => chat({ chatTemplate: 'x'.repeat(2 ** 17 + 1) }), 'CONFIG_INVALID');
  const longest = await chat({ chatTemplate: '€'.repeat(2 ** 17) });
  assert.is(longest.templates.get('default')?.length, 2 ** 17);
});

test.run();

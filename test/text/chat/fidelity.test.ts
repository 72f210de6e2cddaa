import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTemplate } from '../../helpers/fakes/template.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { chatSource, chatTokenizerJson, encodeChat } from '../../helpers/models/chat.ts';

/*
 * Conversations by the templates of test/fixtures/chat-templates, with a tokenizer to which whatever
 * looks like a token in any of them is one: the guard hides almost every character that is not a
 * letter, and yet the text is what the template makes of the conversation as it is.
 */
const folder = new URL('../../fixtures/chat-templates/', import.meta.url);
const conversations = JSON.parse(
  readFileSync(new URL('conversations.json', folder), 'utf8'),
) as Record<string, Record<string, unknown>>;
const templates = readFileSync(new URL('templates.txt', folder), 'utf8')
  .replace(/\n$/, '')
  .split('=== ')
  .slice(1)
  .map((part) => ({
    name: part.slice(0, part.indexOf('\n')),
    source: part.slice(part.indexOf('\n') + 1).replace(/\n$/, ''),
  }));
const TOKEN = /<[^<>\s'"{}+~]{1,40}>|\[\/?[A-Z_]+\]/g;
const tokens = new Set(templates.flatMap(({ source }) => source.match(TOKEN) ?? []));
const tokenizer = createTokenizer(
  chatTokenizerJson({
    added_tokens: [...tokens, '_x', '::', '</s>', '<s>'].map((content, i) => ({
      id: 2048 + i,
      content,
      special: i % 2 === 0,
    })),
  }),
);

let compared = 0;

const test = suite('text of guarded conversations');

for (const { name, source } of templates) {
  test(`${name}: what the template makes of it`, async () => {
    const template = compileTemplate(source);
    for (const [label, given] of Object.entries(conversations)) {
      const { messages, tools, documents, add_generation_prompt: _, ...templateVariables } = given;
      const more = { ...(tools ? { tools } : {}), ...(documents ? { documents } : {}) };
      const { bosToken: bos_token, eosToken: eos_token } = chatSource('');
      const variables = {
        ...templateVariables,
        ...more,
        messages,
        bos_token,
        eos_token,
        add_generation_prompt: true,
      };
      const expected = await outcome(() => template.render(variables, 65_536));
      const conversation = { messages, ...more, templateVariables };
      const got = await outcome(async () =>
        tokenizer.decode(await encodeChat(source, conversation, tokenizer)),
      );
      if (expected === undefined) continue;
      assert.is(got, expected, label);
      compared++;
    }
  });
}

test('there were tokens to guard, and most conversations were not refused', () => {
  assert.ok(tokens.size >= 100);
  assert.ok(compared >= 400);
});

async function outcome(action: () => string | Promise<string>): Promise<string | undefined> {
  try {
    return await action();
  } catch {
    return undefined;
  }
}

test.run();

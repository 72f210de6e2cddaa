import { Chat } from '../../../src/text/chat.ts';
import type { ChatSource } from '../../../src/text/chat/choose-template.ts';
import { Session } from '../../../src/generate/session.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { TRAINED_JSON } from '../files/tokenizer-json.ts';
import { FakeBackend, type FakeOptions } from '../fakes/fake-backend.ts';

/** Special tokens added to a byte-level tokenizer, from id 2048 on. */
export const SPECIAL = [
  '<|im_start|>',
  '<|im_end|>',
  '<s>',
  '</s>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<|user|>',
  '<|assistant|>',
  '[INST]',
  '[/INST]',
  '<｜turn▁end｜>',
  'PAD',
] as const;

const plain = JSON.parse(TRAINED_JSON) as { added_tokens: object[] };

/** A byte-level tokenizer.json with more special tokens; `change` alters some keys. */
export function chatTokenizerJson(change: object = {}): object {
  const added = SPECIAL.map((content, i) => ({ id: 2048 + i, content, special: true }));
  return { ...plain, added_tokens: [...plain.added_tokens, ...added], ...change };
}

export const chatTokenizer = createTokenizer(chatTokenizerJson());

const CONTEXT = 400;

/** Shapes of published templates. */
export const TEMPLATES = {
  chatml: `{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\\n' }}
{%- endif %}
`,
  headers: `{{- bos_token }}
{%- for message in messages %}
    {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\\n\\n' ~ message.content | trim ~ '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}`,
  instructions: `{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content ~ '\\n\\n' %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set system = '' %}
    {%- set turns = messages %}
{%- endif %}
{{- bos_token }}
{%- for turn in turns %}
    {%- if (turn.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('turns of user and assistant should alternate') }}
    {%- endif %}
    {%- if turn.role == 'user' %}
        {{- '[INST] ' ~ (system if loop.first else '') ~ turn.content ~ ' [/INST]' }}
    {%- else %}
        {{- ' ' ~ turn.content | trim ~ eos_token }}
    {%- endif %}
{%- endfor %}`,
  markers: `{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content + '</s>\\n' }}{% endfor %}{{ '<|assistant|>\\n' }}`,
  thoughts: `{% for m in messages %}{{ '<|' + m.role + '|>\\n' + m.content.split('</think>')[-1] + '</s>\\n' }}{% endfor %}{{ '<|assistant|>\\n' }}`,
  joined: `<s>{% for m in messages %}{{ m.content }}{% endfor %}</s>`,
};

/** A source as a model's files give it. */
export function chatSource(template: string): ChatSource {
  return { templates: new Map([['default', template]]), bosToken: '<s>', eosToken: '</s>' };
}

/** The ids of a conversation by a template, or by the templates and tokens of a source. */
export async function encodeChat(
  template: string | ChatSource,
  conversation: object,
  tokenizer = chatTokenizer,
): Promise<number[]> {
  const source = typeof template === 'string' ? chatSource(template) : template;
  const pieces = await new Chat(source, tokenizer).begin(conversation, CONTEXT)();
  return [...pieces].flat();
}

/** A session over the fake backend that talks by a template. */
export function setUpChat(template: string, options: FakeOptions = {}) {
  const backend = new FakeBackend({
    vocabSize: 2048 + SPECIAL.length,
    contextLength: CONTEXT,
    ...options,
  });
  const host = {
    backend,
    tokenizer: chatTokenizer,
    eosTokenIds: [],
    chat: new Chat(chatSource(template), chatTokenizer),
    sessions: new Set<Session>(),
  };
  return { backend, host, session: new Session(host) };
}

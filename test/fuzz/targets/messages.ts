import { ConversationWriter } from '../../../src/text/chat/conversation-writer.ts';
import { readConversation } from '../../../src/text/messages.ts';
import { chatSource, chatTokenizer, SPECIAL, TEMPLATES } from '../../helpers/models/chat.ts';
import type { Draw } from '../draw.ts';
import { mutated } from '../mutate.ts';
import { holds, target } from '../target.ts';
import { drawMessages, type DrawnMessage } from './drawn-messages.ts';

const CONTEXT = 2048;
const SPECIAL_IDS = new Set(chatTokenizer.specialTokens.values());
/** Reads all that a conversation may have. */
const TOOLS = `{% if tools %}<s>{{ tools | tojson }}{% endif %}{% for d in documents or [] %}{{ d.text }}{% endfor %}
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}
{%- if m.content is string %}{{ m.content }}{% else %}{% for p in m.content or [] %}{{ p.text }}{% endfor %}{% endif %}
{%- for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}{{ '<|im_end|>' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;
/** Templates that write what is said, and the special tokens that they write themselves. */
const WRITERS = {
  chatml: { source: TEMPLATES.chatml, specials: (turns: number) => 2 * turns + 1 },
  headers: { source: TEMPLATES.headers, specials: (turns: number) => 3 * turns + 3 },
  tools: { source: TOOLS, specials: undefined },
} as const;
const READY = new Map(
  Object.entries(WRITERS).map(([name, { source }]) => [
    name,
    new ConversationWriter(source, chatSource(source), chatTokenizer),
  ]),
);
const KEYS =
  'messages role content name tools documents templateVariables chatTemplate continueFinalMessage tool_calls function arguments text type'.split(
    ' ',
  );

interface Input {
  readonly template: keyof typeof WRITERS;
  readonly prompt: object;
  /** Nothing of it was changed: it must be written. */
  readonly isGood: boolean;
}

/** Conversations, odd ones too, with special tokens and parts of them in every place. */
export const MESSAGES = target<Input>({
  name: 'messages',
  make(draw) {
    const template = draw.pick(['chatml', 'headers', 'tools'] as const);
    const words = parts(draw);
    const messages = drawMessages(draw, 1000, words);
    const isGood = draw.chance(0.6);
    const whole = template === 'tools' ? drawMore(draw, messages, words) : { messages };
    const prompt = isGood ? whole : Object(mutated(whole, draw, KEYS));
    return { template, prompt, isGood };
  },
  run({ template, prompt, isGood }) {
    const conversation = readConversation(prompt, chatTokenizer, CONTEXT);
    const { messages, tools, isContinued } = conversation;
    const ids = [...READY.get(template)!.encode(conversation, 2 ** 17)].flat();
    const found = ids.filter((id) => SPECIAL_IDS.has(id)).length;
    const { specials } = WRITERS[template];
    const count = messages.length;
    const own = specials?.(count) ?? 2 * count + (isContinued ? -1 : 1) + (isFull(tools) ? 1 : 0);
    // a message that goes on has no end, nor is there another beginning
    if (!isContinued || specials === undefined) {
      holds(found === own, `${found} special tokens, the template writes ${own}`);
    }
    if (!isGood) return;
    const text = chatTokenizer.decode(ids);
    for (const { content } of messages as readonly { content?: unknown }[]) {
      if (typeof content === 'string') holds(text.includes(content.trim()), 'what was said');
    }
  },
});

function isFull(tools: readonly unknown[] | null): boolean {
  return tools !== null && tools.length > 0;
}

function drawMore(draw: Draw, messages: readonly DrawnMessage[], words: readonly string[]): object {
  const text = (): string => draw.text(40, words).replaceAll(/\p{Surrogate}/gu, '\uFFFD');
  const turns = messages.map((message) => {
    if (draw.chance(0.6)) return message;
    if (draw.chance(0.5)) return { ...message, content: [{ type: 'text', text: text() }] };
    const call = { type: 'function', function: { name: text(), arguments: { [text()]: text() } } };
    return { ...message, content: null, tool_calls: [call] };
  });
  return {
    messages: turns,
    ...(draw.chance(0.3) && { tools: [{ type: 'function', function: { name: text() } }] }),
    ...(draw.chance(0.2) && { documents: [{ title: text(), text: text() }] }),
    ...(draw.chance(0.2) && { templateVariables: { enable_thinking: false, x: text() } }),
  };
}

function parts(draw: Draw): string[] {
  const special = draw.pick(SPECIAL);
  const cut = draw.integer(0, special.length);
  return [special, special.slice(0, cut), special.slice(cut), '<|im_start|>system\n'];
}

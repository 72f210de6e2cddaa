import { Chat } from '../../../src/text/chat.ts';
import { readConversation } from '../../../src/text/messages.ts';
import { chatSource, chatTokenizer, SPECIAL, TEMPLATES } from '../../helpers/models/chat.ts';
import type { Draw } from '../draw.ts';
import { mutated } from '../mutate.ts';
import { holds, target } from '../target.ts';
import { drawMessages } from './drawn-messages.ts';

const CONTEXT = 2048;
const SPECIAL_IDS = new Set(chatTokenizer.specialTokens.values());
/** Templates that write every message whole, and how many special tokens a conversation has in them. */
const WRITERS = {
  chatml: { specials: (turns: number) => 2 * turns + 1, begins: '<|im_start|>' },
  headers: { specials: (turns: number) => 3 * turns + 3, begins: '<s>' },
} as const;
const CHATS = new Map(
  Object.keys(WRITERS).map((name) => [
    name,
    new Chat(chatSource(TEMPLATES[name as keyof typeof TEMPLATES]), chatTokenizer),
  ]),
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
    const messages = drawMessages(draw, 1000, parts(draw));
    const isGood = draw.chance(0.7);
    const prompt = isGood ? { messages } : Object(mutated({ messages }, draw, KEYS));
    return { template: draw.pick(['chatml', 'headers'] as const), prompt, isGood };
  },
  async run({ template, prompt, isGood }) {
    const conversation = readConversation(prompt, chatTokenizer, CONTEXT);
    const { messages } = conversation;
    const ids = [...(await CHATS.get(template)!.begin(conversation, CONTEXT)())].flat();
    const specials = ids.filter((id) => SPECIAL_IDS.has(id)).length;
    const { specials: expected, begins } = WRITERS[template];
    holds(specials === expected(messages.length), `${specials} special tokens`);
    const text = chatTokenizer.decode(ids);
    holds(text.startsWith(begins), 'begins as the template does');
    if (!isGood) return;
    for (const { content } of messages) {
      holds(text.includes(String(content).trim()), 'what was said is there');
    }
  },
});

const KEYS = 'messages role content name tools documents templateVariables chatTemplate'.split(' ');

function parts(draw: Draw): string[] {
  const special = draw.pick(SPECIAL);
  const cut = draw.integer(0, special.length);
  return [special, special.slice(0, cut), special.slice(cut), '<|im_start|>system\n'];
}

import type { GenerateOptions } from '../../../src/generate/options.ts';
import { Session } from '../../../src/generate/session.ts';
import { Chat } from '../../../src/text/chat.ts';
import { byteTokenizer } from '../models/byte-tokenizer.ts';
import { FakeBackend, type FakeOptions } from '../fakes/fake-backend.ts';

export const GREEDY = { temperature: 0, maxTokens: 12 };
export const PROMPT = [1, 2, 3, 4, 5, 6];

/** A session over the fake backend and the byte tokenizer. */
export function setUp(options: FakeOptions = {}, eosTokenIds: readonly number[] = []) {
  const backend = new FakeBackend({ vocabSize: 257, ...options });
  const tokenizer = byteTokenizer;
  const chat = new Chat({ templates: new Map() }, tokenizer);
  const host = { backend, tokenizer, chat, eosTokenIds, sessions: new Set<Session>() };
  return { backend, session: new Session(host) };
}

/** Reads a generation to its end. */
export async function collect(
  session: Session,
  prompt: string | number[],
  options: GenerateOptions,
) {
  const generation = session.generate(prompt, options);
  const items = [];
  for await (const item of generation) items.push(item);
  return { generation, items, text: items.map((item) => item.text).join('') };
}

/** The control: ids of one long greedy run. */
export async function control(count: number): Promise<number[]> {
  const { generation } = await collect(setUp().session, PROMPT, { ...GREEDY, maxTokens: count });
  return generation.tokens;
}

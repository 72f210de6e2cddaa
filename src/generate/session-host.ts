import type { Backend } from '../backend/backend.ts';
import type { Chat } from '../text/chat.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';
import type { GenerateOptions } from './options.ts';
import type { SamplingMemory } from './sampling.ts';

/** What a model lends to its sessions. */
export interface SessionHost {
  readonly backend: Backend;
  readonly tokenizer: TextTokenizer | undefined;
  /** Ids that end a generation. */
  readonly eosTokenIds: readonly number[];
  /** How it reads and writes conversations; undefined if it came without any text. */
  readonly chat?: Chat | undefined;
  /** How it asks to be sampled. */
  readonly generationDefaults?: GenerateOptions;
  /** What all generations sample in. */
  readonly sampling?: SamplingMemory;
  /** What frees each session: it joins when the session is made, and leaves when it is disposed or forgotten. */
  readonly sessions: Set<{ dispose(): void }>;
}

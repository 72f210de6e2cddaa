import type {
  ChatMessage,
  Conversation,
  FinishReason,
  GenerateOptions,
  Session,
} from '../index.ts';
import type { Host } from './terminal/host.ts';
import { startGeneration } from './sampling.ts';
import { Transcript } from './terminal/output.ts';

/** Messages in the model's chat template, which grow by a line and its answer at a time. */
export class Talk {
  readonly #beginning: readonly ChatMessage[];
  readonly #templateVariables: Readonly<Record<string, unknown>>;
  #messages: readonly ChatMessage[];

  /** @param said before, from its beginning; none unless given */
  constructor(
    system: string | undefined,
    templateVariables: Readonly<Record<string, unknown>>,
    said?: readonly ChatMessage[],
  ) {
    this.#beginning = system === undefined ? [] : [{ role: 'system', content: system }];
    this.#templateVariables = templateVariables;
    this.#messages = said ?? this.#beginning;
  }

  /** What was said so far. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** The conversation so far, and a line. */
  with(line: string): Conversation {
    return { messages: this.#withLine(line), templateVariables: this.#templateVariables };
  }

  keep(line: string, answer: string): void {
    this.#messages = [...this.#withLine(line), { role: 'assistant', content: answer }];
  }

  /** Forgets everything that was said. */
  clear(): void {
    this.#messages = this.#beginning;
  }

  #withLine(content: string): ChatMessage[] {
    return [...this.#messages, { role: 'user', content }];
  }
}

/**
 * Writes the answer to a line; one that fails, or has no text, leaves no trace. Ctrl-C ends the
 * answer, and what was written of it is kept.
 *
 * @throws UsageError, TpaError as `session.generate` does
 */
export async function say(
  line: string,
  session: Session,
  talk: Talk,
  sampling: GenerateOptions,
  { catchInterrupt, signal: left, stdout }: Host,
): Promise<FinishReason> {
  const stop = new AbortController();
  const release = catchInterrupt(() => stop.abort());
  const transcript = new Transcript(stdout);
  let said = '';
  try {
    const signal = AbortSignal.any([stop.signal, left]);
    const generation = startGeneration(session, talk.with(line), { ...sampling, signal });
    for await (const token of generation) {
      said += token.text;
      transcript.add(token.text);
    }
    if (said !== '') talk.keep(line, said);
    return generation.finishReason!;
  } finally {
    release();
    transcript.end();
  }
}

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

/** What becomes of a line before the model reads it, and what is kept of its answer. */
export interface TalkForm {
  promptOf(line: string): string | Conversation;
  keep(line: string, answer: string): void;
  /** Forgets everything that was said. */
  clear(): void;
}

/** Messages in the model's chat template, which grow by a line and its answer at a time. */
export function conversationForm(
  system: string | undefined,
  templateVariables: Readonly<Record<string, unknown>>,
): TalkForm {
  const beginning: ChatMessage[] =
    system === undefined ? [] : [{ role: 'system', content: system }];
  let messages = beginning;
  const withLine = (content: string) => [...messages, { role: 'user', content }];
  return {
    promptOf: (line) => ({ messages: withLine(line), templateVariables }),
    keep(line, content) {
      messages = [...withLine(line), { role: 'assistant', content }];
    },
    clear() {
      messages = beginning;
    },
  };
}

/** One text, which a line and what the model writes on continue in turn. */
export function storyForm(session: Session): TalkForm {
  let isAfterWord = false;
  return {
    promptOf: (line) => (isAfterWord ? ` ${line}` : line),
    keep(line, text) {
      isAfterWord = /\S$/.test(line + text);
    },
    clear() {
      session.truncate(0);
      isAfterWord = false;
    },
  };
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
  form: TalkForm,
  sampling: GenerateOptions,
  { catchInterrupt, signal: left, stdout }: Host,
): Promise<FinishReason> {
  const stop = new AbortController();
  const release = catchInterrupt(() => stop.abort());
  const transcript = new Transcript(stdout);
  let said = '';
  try {
    const signal = AbortSignal.any([stop.signal, left]);
    const generation = startGeneration(session, form.promptOf(line), { ...sampling, signal });
    for await (const token of generation) {
      said += token.text;
      transcript.add(token.text);
    }
    if (said !== '') form.keep(line, said);
    return generation.finishReason!;
  } finally {
    release();
    transcript.end();
  }
}

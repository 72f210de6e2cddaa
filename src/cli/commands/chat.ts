import {
  type ChatMessage,
  type FinishReason,
  type GenerateOptions,
  type Session,
  TpaError,
} from '../../index.ts';
import { command } from '../arguments.ts';
import { EXIT_CODE } from '../exit.ts';
import type { Host } from '../terminal/host.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { text } from '../command-spec.ts';
import { openPipe } from '../terminal/input.ts';
import { SAMPLING_NOTE, SAMPLING_OPTIONS, samplingOf, startGeneration } from '../sampling.ts';
import { print, Transcript } from '../terminal/output.ts';

const { json: _json, ...MODEL_CHOICE } = MODEL_OPTIONS;

const SPEC = {
  name: 'chat',
  about: 'Talk with a model that has a chat template: a line is a message, answers go to stdout.',
  options: {
    ...MODEL_CHOICE,
    system: text('TEXT', { about: 'a system message to begin with', fallback: 'none' }),
    ...SAMPLING_OPTIONS,
  },
  notes: [
    '/clear forgets the conversation, /exit or the end of the input leaves. Ctrl-C ends an answer;\n' +
      'between answers, or a second time, it leaves.',
    SAMPLING_NOTE,
  ],
};

/** `tpa chat`. */
export const chatCommand = command(SPEC, async ({ values }, host) => {
  const opened = await openModel(values, host);
  using model = opened.model;
  if (!model.hasChatTemplate) {
    const message =
      'the model has no chat template, which tpa chat needs; tpa generate continues a text';
    throw new TpaError('CHAT_TEMPLATE_MISSING', message);
  }
  using session = model.createSession();
  const talk = new Talk(session, samplingOf(values), values.system, host);
  const input = host.openTerminal?.() ?? openPipe(host.openStdin());
  try {
    for (;;) {
      const line = await input.read('> ');
      if (host.signal.aborted) return EXIT_CODE.interrupted;
      if (line === undefined || line === '/exit') break;
      if (line === '/clear') talk.clear();
      else if (line.trim() !== '') await answer(talk, line, host);
      if (host.signal.aborted) return EXIT_CODE.interrupted;
    }
  } finally {
    input.close();
  }
  return EXIT_CODE.ok;
});

/** On a terminal a message too long, say, is no reason to leave; a script should hear of it. */
async function answer(talk: Talk, line: string, host: Host): Promise<void> {
  try {
    const reason = await talk.say(line);
    if (reason === 'context_full') print(host.stderr, 'the context is full, /clear empties it\n');
  } catch (error) {
    if (host.openTerminal === undefined || !(error instanceof TpaError)) throw error;
    print(host.stderr, `error ${error.code}: ${error.message}\n`);
  }
}

/** A conversation that grows by a message and its answer at a time. */
class Talk {
  readonly #session: Session;
  readonly #sampling: GenerateOptions;
  readonly #system: readonly ChatMessage[];
  readonly #host: Host;
  #messages: readonly ChatMessage[];

  constructor(session: Session, sampling: GenerateOptions, system: string | undefined, host: Host) {
    this.#session = session;
    this.#sampling = sampling;
    this.#system = system === undefined ? [] : [{ role: 'system', content: system }];
    this.#host = host;
    this.#messages = this.#system;
  }

  /** Forgets all but the system message. */
  clear(): void {
    this.#messages = this.#system;
  }

  /** Writes the answer to a message; one that fails, or has no text, leaves no trace. */
  async say(content: string): Promise<FinishReason> {
    const { catchInterrupt, signal: left, stdout } = this.#host;
    const messages = [...this.#messages, { role: 'user', content }];
    const stop = new AbortController();
    const release = catchInterrupt(() => stop.abort());
    const transcript = new Transcript(stdout);
    let said = '';
    try {
      const signal = AbortSignal.any([stop.signal, left]);
      const options = { ...this.#sampling, signal };
      const generation = startGeneration(this.#session, { messages }, options);
      for await (const token of generation) {
        said += token.text;
        transcript.add(token.text);
      }
      if (said !== '') this.#messages = [...messages, { role: 'assistant', content: said }];
      return generation.finishReason!;
    } finally {
      release();
      transcript.end();
    }
  }
}

import {
  type ChatMessage,
  type FinishReason,
  type Model,
  type Session,
  TpaError,
} from '../../index.ts';
import { command } from '../arguments.ts';
import { EXIT_CODE, shown, UsageError } from '../exit.ts';
import type { Host } from '../terminal/host.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { assignment, repeated, text } from '../command-spec.ts';
import { checkOutputFiles } from '../output-files.ts';
import { openSnapshot, saveSnapshot } from '../snapshot-file.ts';
import { openPipe } from '../terminal/input.ts';
import { SAMPLING_NOTE, SAMPLING_OPTIONS, samplingOf } from '../sampling.ts';
import { say, Talk } from '../talk.ts';
import { print } from '../terminal/output.ts';

const { json: _json, ...MODEL_CHOICE } = MODEL_OPTIONS;

const SPEC = {
  name: 'chat',
  about: 'Talk with a model that has a chat template: a line is a message, answers go to stdout.',
  options: {
    ...MODEL_CHOICE,
    system: text('TEXT', { about: 'a system message to begin with', fallback: 'none' }),
    save: text('FILE', {
      about: 'keep the conversation there after each answer',
      fallback: 'no file',
    }),
    resume: text('FILE', {
      about: 'go on with a conversation that --save has kept',
      fallback: 'none',
    }),
    templateVar: repeated(assignment({ about: 'a variable of the chat template, JSON or text' })),
    ...SAMPLING_OPTIONS,
  },
  notes: [
    '/clear forgets the conversation, /exit or the end of the input leaves. Ctrl-C ends an answer;\n' +
      'between answers, or a second time, it leaves.',
    'The model in the package tells stories: ask for one, and for whom or what it is about.',
    SAMPLING_NOTE,
  ],
};

/** Said where no model is named: it must not be taken for an assistant. */
const STORYTELLER =
  'The model in the package tells stories and answers no questions. Ask for one: Tell me a story about a red ball and a dog.\n';

/** `tpa chat`. */
export const chatCommand = command(SPEC, async ({ values }, host) => {
  const { model: path, system, save, resume, templateVar: variables } = values;
  if (system !== undefined && resume !== undefined) {
    throw new UsageError(
      '"--system" expected to be absent with --resume, whose conversation has begun',
    );
  }
  const opened = await openModel(values, host);
  using model = opened.model;
  if (!model.hasChatTemplate) {
    const message =
      'the model has no chat template, which tpa chat needs; tpa generate continues a text';
    throw new TpaError('CHAT_TEMPLATE_MISSING', message);
  }
  const file = save === undefined ? undefined : await checkOutputFiles(save, '--save');
  using session = resume === undefined ? model.createSession() : await resumed(model, resume, host);
  const said = resume === undefined ? undefined : messagesOf(session, resume);
  const talk = new Talk(system ?? systemOf(said), Object.fromEntries(variables ?? []), said);
  if (path === undefined) print(host.stderr, STORYTELLER);
  const answer = async (line: string): Promise<FinishReason> => {
    const reason = await say(line, session, talk, samplingOf(values), host);
    const { messages } = talk;
    if (file && !host.signal.aborted) await saveSnapshot(file, session, { messages }, host.signal);
    return reason;
  };
  const input = host.openTerminal?.() ?? openPipe(host.openStdin());
  try {
    for (;;) {
      const line = await input.read('> ');
      if (host.signal.aborted) return EXIT_CODE.interrupted;
      if (line === undefined || line === '/exit') break;
      if (line === '/clear') talk.clear();
      else if (line.trim() !== '') await answerOrExplain(() => answer(line), host);
      if (host.signal.aborted) return EXIT_CODE.interrupted;
    }
  } finally {
    input.close();
  }
  return EXIT_CODE.ok;
});

/** On a terminal a message too long, say, is no reason to leave; a script should hear of it. */
async function answerOrExplain(answer: () => Promise<FinishReason>, host: Host): Promise<void> {
  try {
    const reason = await answer();
    if (reason === 'context_full') print(host.stderr, 'the context is full, /clear empties it\n');
  } catch (error) {
    if (host.openTerminal === undefined || !(error instanceof TpaError)) throw error;
    print(host.stderr, `error ${error.code}: ${error.message}\n`);
  }
}

async function resumed(model: Model, path: string, { signal }: Host): Promise<Session> {
  return model.restore(await openSnapshot(path, '--resume'), { signal });
}

/** What was said before, as {@link saveSnapshot} was given it. @throws TpaError `SNAPSHOT_INVALID` */
function messagesOf({ metadata }: Session, path: string): readonly ChatMessage[] {
  const messages = metadata?.['messages'];
  if (Array.isArray(messages) && messages.every(isMessage)) return messages;
  const message = `${shown(path)} keeps no messages, so tpa chat cannot go on with it; a program can, by model.restore()`;
  throw new TpaError('SNAPSHOT_INVALID', message);
}

function isMessage(value: unknown): value is ChatMessage {
  const { role, content } = (value ?? {}) as Partial<Record<string, unknown>>;
  return typeof role === 'string' && typeof content === 'string';
}

/** The system message that a conversation began with. */
function systemOf(messages: readonly ChatMessage[] | undefined): string | undefined {
  const first = messages?.[0];
  return first?.role === 'system' && typeof first.content === 'string' ? first.content : undefined;
}

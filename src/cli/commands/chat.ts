import { type FinishReason, TpaError } from '../../index.ts';
import { command } from '../arguments.ts';
import { EXIT_CODE } from '../exit.ts';
import type { Host } from '../terminal/host.ts';
import { MODEL_OPTIONS, openModel } from '../open-model.ts';
import { assignment, repeated, text } from '../command-spec.ts';
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
  const { model: path, system, templateVar: variables } = values;
  const opened = await openModel(values, host);
  using model = opened.model;
  if (!model.hasChatTemplate) {
    const message =
      'the model has no chat template, which tpa chat needs; tpa generate continues a text';
    throw new TpaError('CHAT_TEMPLATE_MISSING', message);
  }
  using session = model.createSession();
  const talk = new Talk(system, Object.fromEntries(variables ?? []));
  if (path === undefined) print(host.stderr, STORYTELLER);
  const answer = (line: string) => say(line, session, talk, samplingOf(values), host);
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

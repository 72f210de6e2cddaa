import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal, PassThrough } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chatCommand } from '../../../src/cli/commands/chat.ts';
import { generateCommand } from '../../../src/cli/commands/generate.ts';
import { SHIPPED_MODEL } from '../../../src/cli/package-files.ts';
import { SAMPLING_OPTIONS } from '../../../src/cli/sampling.ts';
import { tpa } from '../../../src/cli/tpa.ts';
import { loadModel, type ChatMessage } from '../../../src/index.ts';
import { fakeHost, runTpa } from '../../helpers/fakes/fake-host.ts';

const test = suite('tpa chat');

const TEMPLATE = `{% for m in messages if m.role != 'system' %}
{% if m.role != ('user' if loop.index0 % 2 == 0 else 'assistant') %}{{ raise_exception('order') }}{% endif %}
{% endfor %}
{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}assistant:`;
const FIRST = 'Once upon a time';
const CAT = 'The cat sat on the mat. The cat was fat. The cat said:';
const SECOND = 'And then?';

/** The shipped model with a template. */
const folder = await mkdtemp(join(tmpdir(), 'tpa-chat-'));
await cp(SHIPPED_MODEL, folder, { recursive: true });
await writeFile(join(folder, 'chat_template.jinja'), TEMPLATE);
test.after(() => rm(folder, { recursive: true }));

const OPTIONS = ['chat', '--model', folder, '--temperature', '0', '--max-tokens', '8'];

/** What the library answers to lines, one after the other; `system` goes before them. */
async function answers(lines: readonly string[], system?: string): Promise<string[]> {
  using model = await loadModel(folder);
  using session = model.createSession();
  let messages: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
  const said: string[] = [];
  for (const content of lines) {
    messages = [...messages, { role: 'user', content }];
    const text = await session.generate({ messages }, { temperature: 0, maxTokens: 8 }).text();
    messages.push({ role: 'assistant', content: text });
    said.push(text);
  }
  return said;
}

const ended = (text: string) => (text.endsWith('\n') ? text : `${text}\n`);

test('a pipe: a message a line, an answer each, what was said before is known', async () => {
  const { code, out, err } = await runTpa(OPTIONS, { stdin: `${FIRST}\n\n${SECOND}\r\n` });
  assert.equal([code, err()], [0, '']);
  assert.is(out(), (await answers([FIRST, SECOND])).map(ended).join(''));
  assert.not.equal((await answers([FIRST, SECOND]))[1], (await answers([SECOND]))[0]);
});

test('a terminal: a prompt before each message; a hostile answer could not steer it', async () => {
  const typed = [FIRST, '  ', '/clear', SECOND, '/exit', 'never read'];
  const { code, out } = await runTpa(OPTIONS, { isTTY: true, typed });
  assert.is(code, 0);
  const [first, second] = [await answers([FIRST]), await answers([SECOND])];
  assert.is(out(), `> ${ended(first[0]!)}> > > ${ended(second[0]!)}> `);
});

test('--system begins the conversation, also after /clear', async () => {
  const args = [...OPTIONS, '--system', CAT];
  const { out } = await runTpa(args, { stdin: `${FIRST}\n/clear\n${FIRST}` });
  const [answer] = await answers([FIRST], CAT);
  assert.is(out(), ended(answer!).repeat(2));
  assert.is.not(answer, (await answers([FIRST]))[0]);
});

test('--template-var tells the template, --stop-token ends an answer', async () => {
  const told = await mkdtemp(join(tmpdir(), 'tpa-chat-told-'));
  test.after(() => rm(told, { recursive: true }));
  await cp(SHIPPED_MODEL, told, { recursive: true });
  const template = `{% if n is number %}${CAT}{{ mood }}{% endif %}{{ messages[-1].content }}`;
  await writeFile(join(told, 'chat_template.jinja'), template);
  const args = ['chat', '-m', told, '-t', '0', '-n', '8'];
  const variables = ['--template-var', 'n=1', '--template-var', 'mood=glad'];
  using model = await loadModel(told);
  const session = model.createSession();
  const generation = session.generate(`${CAT}glad${FIRST}`, { temperature: 0, maxTokens: 8 });
  const text = await generation.text();
  const whole = await runTpa([...args, ...variables], { stdin: FIRST });
  assert.equal([whole.code, whole.err(), whole.out()], [0, '', ended(text)]);
  const stop = ['--stop-token', '0', '--stop-token', String(generation.tokens[2])];
  const cut = await runTpa([...args, ...variables, ...stop], { stdin: FIRST });
  const shown = cut.out().trimEnd();
  assert.ok(shown !== text.trimEnd() && text.startsWith(shown), shown);
  for (const [wrong, message] of [
    [
      ['--stop-token', '2048'],
      /^tpa: "--stop-token" expected an integer in 0\.\.2047, got 2048\n$/,
    ],
    [['--template-var', 'messages=1'], /^tpa: "--template-var" expected other names than messages/],
  ] as const) {
    const { code, err } = await runTpa([...args, ...wrong], { stdin: FIRST });
    assert.is(code, 2);
    assert.match(err(), message);
  }
});

test('Ctrl-C ends an answer; the conversation goes on with what was said', async () => {
  let pieces = 0;
  const { code, out } = await runTpa(OPTIONS, {
    isTTY: true,
    typed: [FIRST, '/exit'],
    onWrite: (_, host, to) => to === 'stdout' && ++pieces === 2 && host.pressInterrupt(),
  });
  assert.is(code, 0);
  const [answer] = await answers([FIRST]);
  const shown = out().split('> ')[1]!.trimEnd();
  assert.ok(shown.length > 0 && shown.length < answer!.length && answer!.startsWith(shown), shown);
});

test('a second Ctrl-C, or one between answers, leaves: 130', async () => {
  const twice = await runTpa(OPTIONS, {
    isTTY: true,
    typed: [FIRST, SECOND],
    onWrite(text, host, to) {
      if (text === '> ' || to === 'stderr') return;
      host.pressInterrupt();
      host.pressInterrupt();
    },
  });
  assert.is(twice.code, 130);
  assert.is(twice.out().split('> ').length, 2, 'no second prompt');

  const between = fakeHost();
  const stdin = addAbortSignal(between.signal, new PassThrough());
  const code = tpa(OPTIONS, { ...between, openStdin: () => stdin });
  stdin.write(`${FIRST}\n`);
  const [answer] = await answers([FIRST]);
  while (between.out() !== ended(answer!)) await setTimeout(5);
  between.pressInterrupt();
  assert.is(await code, 130);
});

test('a message that fails: a pipe ends with 1, a terminal goes on without it', async () => {
  const long = 'word '.repeat(1000);
  const piped = await runTpa(OPTIONS, { stdin: `${long}\n${FIRST}\n` });
  assert.is(piped.code, 1);
  assert.match(piped.err(), /^error CONTEXT_OVERFLOW: [^\n]*\n$/);
  const typed = await runTpa(OPTIONS, { isTTY: true, typed: [long, FIRST] });
  assert.is(typed.code, 0);
  assert.match(typed.err(), /error CONTEXT_OVERFLOW: [^\n]*\n$/);
  assert.is(typed.out(), `> > ${ended((await answers([FIRST]))[0]!)}> `);
});

test('a context that fills up is said on stderr', async () => {
  using loaded = await loadModel(folder);
  const { contextLength } = loaded.config;
  const room = contextLength - loaded.tokenizer!.encode('user: \nassistant:').length;
  let line = ' a'.repeat(room);
  while (loaded.tokenizer!.encode(`user: ${line}\nassistant:`).length > contextLength) {
    line = line.slice(2);
  }
  const { code, err } = await runTpa(OPTIONS, { stdin: `${line}\n` });
  assert.is(code, 0);
  assert.is(err(), 'the context is full, /clear empties it\n');
});

test('a model without a template: CHAT_TEMPLATE_MISSING before anything is read', async () => {
  const { code, out, err } = await runTpa(['chat', '-m', SHIPPED_MODEL], { stdin: FIRST });
  assert.equal([code, out()], [1, '']);
  assert.match(err(), /^error CHAT_TEMPLATE_MISSING: [^\n]*tpa generate[^\n]*\n$/);
});

const STORY = ['chat', '-t', '0', '-n', '8'];

test('without a model the one in the package goes on with a story, and says what it is', async () => {
  const { code, out, err } = await runTpa(STORY, { stdin: `${FIRST}\n${SECOND}\n` });
  assert.is(code, 0);
  assert.match(err(), /^The model in the package tells fairy tales[^\n]*\n$/);
  using model = await loadModel(SHIPPED_MODEL);
  using session = model.createSession();
  const options = { temperature: 0, maxTokens: 8 };
  const first = await session.generate(FIRST, options).text();
  assert.match(first, /\S$/);
  const second = await session.generate(` ${SECOND}`, options).text();
  assert.is(out(), ended(first) + ended(second));
});

test('/clear begins another story; one that is too long for the context is said', async () => {
  const typed = [FIRST, '/clear', FIRST, 'word '.repeat(600), '/exit'];
  const { code, out, err } = await runTpa(STORY, { isTTY: true, typed });
  assert.is(code, 0);
  const [, first, cleared, second] = out().split('> ');
  assert.is(cleared, '');
  assert.is(first, second);
  assert.match(err(), /error CONTEXT_OVERFLOW: [^\n]*\n$/);
});

test('a system message needs a model that was trained on messages', async () => {
  const { code, err } = await runTpa(['chat', '--system', CAT], { stdin: FIRST });
  assert.is(code, 2);
  assert.match(err(), /^tpa: "--system" expected --model [^\n]*\n$/);
});

test('has the sampling options of generate, all of them', () => {
  for (const key of Object.keys(SAMPLING_OPTIONS)) {
    assert.is(chatCommand.spec.options[key], generateCommand.spec.options[key], key);
  }
});

test.run();

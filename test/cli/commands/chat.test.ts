import { mkdtemp, rm } from 'node:fs/promises';
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
import { writeTalkingT6 } from '../../helpers/sessions/talking-t6.ts';

const test = suite('tpa chat');

const TEMPLATE = `{% for m in messages if m.role != 'system' %}
{% if m.role != ('user' if loop.index0 % 2 == 0 else 'assistant') %}{{ raise_exception('order') }}{% endif %}
{% endfor %}
{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}assistant:`;
const FIRST = 'Once upon a time';
const CAT = 'The cat sat on the mat. The cat was fat. The cat said:';
const SECOND = 'And then?';

const folder = await mkdtemp(join(tmpdir(), 'tpa-chat-'));
writeTalkingT6(folder, {}, TEMPLATE);
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
  const template = `{% if n is number %}${CAT}{{ mood }}{% endif %}{{ messages[-1].content }}`;
  writeTalkingT6(told, {}, template);
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
  const bare = await mkdtemp(join(tmpdir(), 'tpa-chat-bare-'));
  test.after(() => rm(bare, { recursive: true }));
  writeTalkingT6(bare);
  const { code, out, err } = await runTpa(['chat', '-m', bare], { stdin: FIRST });
  assert.equal([code, out()], [1, '']);
  assert.match(err(), /^error CHAT_TEMPLATE_MISSING: [^\n]*tpa generate[^\n]*\n$/);
});

test('without a model the one in the package tells stories, and says so', async () => {
  const request = 'Tell me a story about a red ball and a dog.';
  const options = { temperature: 0, maxTokens: 8 };
  const { code, out, err } = await runTpa(['chat', '-t', '0', '-n', '8'], { stdin: request });
  assert.is(code, 0);
  assert.match(err(), /^The model in the package tells stories[^\n]*\n$/);
  using model = await loadModel(SHIPPED_MODEL);
  const messages = [{ role: 'user', content: request }];
  const answer = await model.createSession().generate({ messages }, options).text();
  assert.match(answer, /\w/);
  assert.is(out(), ended(answer));
});

test('has the sampling options of generate, all of them', () => {
  for (const key of Object.keys(SAMPLING_OPTIONS)) {
    assert.is(chatCommand.spec.options[key], generateCommand.spec.options[key], key);
  }
});

test.run();

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHIPPED_MODEL } from '../../../src/cli/package-files.ts';
import { loadModel } from '../../../src/index.ts';
import { assertClose } from '../../helpers/checks/close.ts';
import { type FakeSettings, runJson, runTpa } from '../../helpers/fakes/fake-host.ts';
import { writeTalkingT6 } from '../../helpers/sessions/talking-t6.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';
import { llamaLogits } from '../../reference/llama.ts';
import { logProbabilities } from '../../reference/log-probabilities.ts';

interface Context {
  root: string;
  /** A text of 154 tokens of `model`, and a little model that begins texts with BOS. */
  text: string;
  model: string;
  withBos: string;
}

const TALE =
  'Once upon a time there was a poor man who had a cow, a cat and three sons.\n<|end|>\n'.repeat(6);
const { config, build } = llamaVariant('llama-untied');
const { source, tensors } = build();
const BOS = 1;
/** Letters are ids 3 … 5, BOS stands before a text. */
const tokenizer = {
  added_tokens: [{ id: BOS, content: '<s>', special: true }],
  model: { type: 'BPE', unk_token: '?', merges: [], vocab: { '?': 0, a: 3, b: 4, c: 5 } },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    special_tokens: { '<s>': { id: '<s>', ids: [BOS], tokens: ['<s>'] } },
  },
};

const test = suite<Context>('tpa eval perplexity');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-eval-'));
  context.text = join(context.root, 'tale.txt');
  context.model = join(context.root, 'talking');
  context.withBos = join(context.root, 'model');
  await writeFile(context.text, TALE);
  writeTalkingT6(context.model);
  await mkdir(context.withBos);
  await writeFile(join(context.withBos, 'config.json'), JSON.stringify(config));
  await writeFile(join(context.withBos, 'model.safetensors'), source.weights as Uint8Array);
  await writeFile(join(context.withBos, 'tokenizer.json'), JSON.stringify(tokenizer));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

const run = (args: readonly string[], settings?: FakeSettings) =>
  runTpa(['eval', 'perplexity', ...args], settings);

const json = (args: readonly string[], settings?: FakeSettings) =>
  runJson(['eval', 'perplexity', ...args], settings);

test('--json: what model.score() gives in one window, per token and per byte', async ({
  text,
  model: path,
}) => {
  using model = await loadModel(path);
  const ids = model.tokenizer!.encode(TALE);
  const nats = -(await model.score(ids)).reduce((sum, score) => sum + score, 0);
  const bytes = Buffer.byteLength(TALE);
  const found = await json([text, '-m', path], { isTTY: true });
  const { perplexity, perplexityPerByte, bitsPerByte, ...rest } = found;
  const { loadMilliseconds, scoreMilliseconds, tokensPerSecond, model: report, ...facts } = rest;
  assertClose([facts.nats], [nats], { atol: 1e-3, what: 'nats' });
  assertClose([perplexity], [Math.exp(facts.nats / (ids.length - 1))], {
    atol: 1e-9,
    what: 'token',
  });
  assertClose([perplexityPerByte], [Math.exp(facts.nats / bytes)], { atol: 1e-9, what: 'byte' });
  assertClose([2 ** bitsPerByte], [perplexityPerByte], { atol: 1e-9, what: 'bits' });
  assert.equal(facts, {
    nats: facts.nats,
    tokens: ids.length,
    scoredTokens: ids.length - 1,
    bytes,
    windows: 1,
    readTokens: ids.length,
    context: 512,
    stride: 256,
    startIds: [],
    parseSpecial: false,
    resumedWindows: 0,
  });
  for (const number of [loadMilliseconds, scoreMilliseconds, tokensPerSecond])
    assert.ok(number > 0);
  assert.is(report.fingerprint, model.info().fingerprint);
});

test('without a model it is the one in the package, which begins texts with BOS', async ({
  text,
}) => {
  using model = await loadModel(SHIPPED_MODEL);
  const ids = model.tokenizer!.encode(TALE);
  const nats = -(await model.score([1, ...ids])).reduce((sum, score) => sum + score, 0);
  const found = await json([text]);
  assertClose([found.nats], [nats], { atol: 1e-3, what: 'nats' });
  assert.equal([found.context, found.scoredTokens, found.startIds], [1024, ids.length, [1]]);
});

test('--parse-special: what spells a special token is one; from stdin', async ({ model: path }) => {
  using model = await loadModel(path);
  const asText = await json(['-', '-m', path], { stdin: TALE });
  const asTokens = await json(['-', '-m', path, '--parse-special'], { stdin: TALE });
  assert.is(asTokens.parseSpecial, true);
  assert.is(asText.tokens, model.tokenizer!.encode(TALE).length);
  assert.is(asTokens.tokens, model.tokenizer!.encode(TALE, { parseSpecial: true }).length);
  assert.is.not(asTokens.perplexity, asText.perplexity);
});

test('windows of a model that begins texts with BOS: all tokens scored, within 0.01 % of float64', async ({
  root,
  withBos,
}) => {
  const letters = 'abcacbbacabacbbcaacbabccbaabcabcabbacabcbcaabcacb';
  const path = join(root, 'letters');
  await writeFile(path, letters);
  const ids = [...letters].map((letter) => 'abc'.indexOf(letter) + 3);
  const found = await json([path, '-m', withBos, '--context', '20', '--stride', '7']);
  let nats = 0;
  for (const [token, id] of ids.entries()) {
    let first = 0;
    while (token >= first + 19) first += 7;
    const logits = llamaLogits(config, tensors, [BOS, ...ids.slice(first, token)]);
    nats -= logProbabilities(logits.subarray(-97), [id], 97)[0]!;
  }
  const off = found.perplexity / Math.exp(nats / ids.length) - 1;
  assert.ok(Math.abs(off) <= 1e-4, `off by ${off}`);
  const { tokens, scoredTokens, windows, readTokens, context, stride, startIds } = found;
  assert.equal(
    { tokens, scoredTokens, windows, readTokens, context, stride, startIds },
    {
      tokens: 49,
      scoredTokens: 49,
      windows: 6,
      readTokens: 5 * 20 + 15,
      context: 20,
      stride: 7,
      startIds: [BOS],
    },
  );
});

test('on a terminal: a bar that is erased, then a table', async ({ text, model }) => {
  const args = [text, '-m', model, '--context', '32'];
  const { code, out, err } = await run(args, { isTTY: true });
  assert.is(code, 0);
  assert.match(err(), /scoring \[#+-*\] +\d+%/);
  assert.ok(err().endsWith('\r\u001B[2K'));
  assert.match(
    out(),
    /^perplexity +[\d,.]+ a token, [\d,.]+ a byte\nbits +[\d.]+ a byte\ntext +[\d,]+ bytes, \d+ tokens\nscored +\d+ tokens with weights as \w+\nwindows +\d+ of 32 tokens, 16 apart, [\d,.]+ tokens a second\nbegin +with nothing before the text\n$/,
  );
});

test('Ctrl-C after any window: --resume goes on, to the same bits', async ({
  root,
  text,
  model,
}) => {
  const state = join(root, 'state.json');
  const args = [text, '-m', model, '--context', '48', '--stride', '20', '--simd', 'baseline'];
  const expected = await json(args);
  assert.ok(expected.windows > 4);
  let runs = 0;
  let done = -1;
  for (; done < expected.windows; runs++) {
    // each run ends when the bar tells that a window more is done
    const ran = await run([...args, '--resume', state], {
      isTTY: true,
      onWrite: (piece, host) => piece.includes('scoring') && host.interrupt.abort(),
    });
    const { windows } = JSON.parse(await readFile(state, 'utf8'));
    if (ran.code === 0) break;
    assert.is(ran.code, 130, ran.err());
    assert.match(ran.err(), /interrupted\n$/);
    assert.is(ran.out(), '');
    assert.ok(windows > done, 'each run does a window');
    done = windows;
  }
  assert.ok(runs >= expected.windows - 1, `${runs} runs`);
  const found = await json([...args, '--resume', state]);
  assert.is(found.nats, expected.nats);
  assert.is(found.perplexity, expected.perplexity);
  assert.is(found.resumedWindows, expected.windows);
  assert.is(found.tokensPerSecond, null);
  assert.equal((await readdir(root)).toSorted(), ['model', 'state.json', 'tale.txt', 'talking']);
});

test('--resume of another model, text or other options: one line that names what differs, 2', async ({
  root,
  text,
  model,
  withBos,
}) => {
  const state = join(root, 'state.json');
  const letters = join(root, 'letters');
  await writeFile(letters, 'abc'.repeat(30));
  const args = [letters, '-m', model, '--context', '40', '--resume', state];
  await json(args);
  const before = await readFile(state, 'utf8');
  for (const [others, field] of [
    [args.with(2, withBos), 'model'],
    [[text, ...args.slice(1)], 'text'],
    [args.with(4, '41'), 'context'],
    [[...args, '--stride', '7'], 'stride'],
    [[...args, '--parse-special'], 'parseSpecial'],
    [[...args, '--dtype', 'q8'], 'dtype'],
  ] as [string[], string][]) {
    const { code, out, err } = await run(others);
    assert.is(code, 2, err());
    assert.is(out(), '');
    assert.match(
      err(),
      new RegExp(`^tpa: "--resume" expected a state whose ${field} is [^\\n]+\\n$`),
    );
    assert.is(await readFile(state, 'utf8'), before);
  }
});

test('what cannot be scored: one line, and its code', async ({ root, text, model, withBos }) => {
  const empty = join(root, 'empty');
  await writeFile(empty, '');
  const noTokenizer = join(root, 'numbers');
  await mkdir(noTokenizer);
  await writeFile(join(noTokenizer, 'config.json'), JSON.stringify(config));
  await writeFile(join(noTokenizer, 'model.safetensors'), source.weights as Uint8Array);
  for (const [args, code, message] of [
    [[empty], 1, /^error PROMPT_EMPTY: the text has 0 tokens, too few/],
    [[empty, '-m', withBos], 1, /^error PROMPT_EMPTY: the text has 0 tokens, too few/],
    [['-', '-m', model], 1, /^error PROMPT_EMPTY: the text has 1 tokens, too few/],
    [[join(root, 'absent')], 2, /^tpa: "FILE" expected a file that can be read/],
    [[text, '-m', noTokenizer], 1, /^error TOKENIZER_MISSING: the model has no tokenizer/],
    [[text, '-m', join(root, 'absent')], 1, /^error MODEL_NOT_FOUND: /],
    [[text, '--stride', '0'], 2, /^tpa: "--stride" expected an integer >= 1, got "0"/],
    [
      [text, '-m', model, '--context', '20', '--stride', '21'],
      2,
      /^tpa: "--stride" .* in 1\.\.20, .*, got 21/,
    ],
    [[text, '--context', '1'], 2, /^tpa: "--context" expected at least 2 tokens, got 1/],
    [[text, '-m', withBos, '--context', '1'], 2, /^tpa: "--context" expected at least 2 tokens/],
    [[text, '--resume', root], 2, /^tpa: "--resume" expected a file that can be read/],
    [[], 2, /^tpa: eval perplexity expected one FILE, got none/],
    [[text, empty], 2, /^tpa: eval perplexity expected one FILE, got 2: join the texts first/],
  ] as [string[], number, RegExp][]) {
    const ran = await run(args, { stdin: 'x' });
    assert.is(ran.code, code, args.join(' '));
    assert.match(ran.err(), message);
    assert.match(ran.err(), /^[^\n]+\n$/);
    assert.is(ran.out(), '');
  }
});

test('eval names what it measures; help is there before that, of both or of one', async () => {
  const measures = 'perplexity or choice';
  const none = await runTpa(['eval']);
  assert.match(none.err(), new RegExp(`^tpa: eval expected ${measures}, got nothing\\n$`));
  const other = await runTpa(['eval', 'accuracy']);
  assert.is(other.code, 2);
  assert.match(other.err(), new RegExp(`^tpa: eval expected ${measures}, got "accuracy"\\n$`));
  const { out, code } = await run(['--help']);
  assert.is(code, 0);
  assert.match(out(), /^tpa eval perplexity FILE \[options\]\n/);
  assert.is((await runTpa(['help', 'eval', 'perplexity'])).out(), out());
  const choice = (await runTpa(['eval', 'choice', '-h'])).out();
  assert.match(choice, /^tpa eval choice FILE \[options\]\n/);
  for (const words of [
    ['eval', '--help'],
    ['help', 'eval'],
  ]) {
    assert.is((await runTpa(words)).out(), `${out()}\n${choice}`);
  }
  for (const line of `${out()}${choice}`.split('\n')) assert.ok(line.length <= 100, line);
  const all = (await runTpa(['--help'])).out();
  assert.match(all, /^ +eval perplexity +Measure /m);
  assert.match(all, /^ +eval choice +Measure /m);
});

test.run();

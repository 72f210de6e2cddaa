import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal, PassThrough } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { optionName } from '../../src/cli/arguments.ts';
import { chatCommand } from '../../src/cli/commands/chat.ts';
import { generateCommand } from '../../src/cli/commands/generate.ts';
import { infoCommand } from '../../src/cli/commands/info.ts';
import { packageVersion, SHIPPED_MODEL } from '../../src/cli/package-files.ts';
import { tpa } from '../../src/cli/tpa.ts';
import { loadModel } from '../../src/index.ts';
import { fakeHost, runTpa } from '../helpers/fakes/fake-host.ts';
import { writeTalkingT6 } from '../helpers/sessions/talking-t6.ts';

const PROMPT = 'Once upon a time';
const SEEDED = ['generate', PROMPT, '--seed', '7', '--max-tokens', '20'];
const ONE_LINE = /^[^\n]+\n$/;

/** One line on stderr, nothing on stdout. */
async function fails(args: readonly string[], code: number, message: RegExp): Promise<void> {
  const ran = await runTpa(args);
  assert.is(ran.code, code, args.join(' '));
  assert.match(ran.err(), message);
  assert.match(ran.err(), ONE_LINE);
  assert.is(ran.out(), '');
}

/** What the library gives for {@link SEEDED}. */
async function expected() {
  using model = await loadModel(SHIPPED_MODEL);
  using session = model.createSession();
  const generation = session.generate(PROMPT, { seed: 7, maxTokens: 20 });
  const text = await generation.text();
  return { text, ids: generation.tokens, cacheBytes: session.byteLength, info: model.info() };
}

const test = suite('tpa');

test('generate: the continuation to stdout, statistics to stderr, 0', async () => {
  const { code, out, err } = await runTpa(SEEDED);
  assert.is(code, 0);
  assert.is(out(), `${(await expected()).text}\n`);
  assert.match(err(), /^prompt +5 tokens\nfirst token +after [\d,.]+ ms\n/);
  assert.match(err(), /\ngenerated +20 tokens, [\d,.]+ tokens\/s\nfinished +length\n/);
  assert.match(err(), /\ncache +[\d,]+ bytes\nseed +7\n$/);
});

test('generate --json: one object that equals the library, nothing on stderr', async () => {
  const { text, ids, cacheBytes, info } = await expected();
  const { code, out, err } = await runTpa([...SEEDED, '--json'], { isTTY: true });
  assert.is(code, 0);
  assert.is(err(), '');
  assert.match(out(), ONE_LINE);
  const { firstTokenMilliseconds, tokensPerSecond, loadMilliseconds, model, ...rest } =
    JSON.parse(out());
  assert.equal(rest, {
    text,
    ids,
    promptTokens: 5,
    generatedTokens: 20,
    finishReason: 'length',
    seed: 7,
    cacheBytes,
  });
  for (const time of [firstTokenMilliseconds, tokensPerSecond, loadMilliseconds]) {
    assert.ok(time > 0);
  }
  assert.is(model.path, SHIPPED_MODEL);
  assert.is(model.simd, info.simd);
  assert.is(model.parameters, 2_531_328);
});

test('generate: every option reaches the library', async () => {
  using model = await loadModel(SHIPPED_MODEL, { simd: 'baseline' });
  const options = {
    maxTokens: 30,
    temperature: 1.5,
    topK: 50,
    topP: 0.95,
    minP: 0.01,
    repetitionPenalty: 1.3,
    seed: 3,
    stop: ['zzz', 'the'],
  };
  const generation = model.createSession().generate(PROMPT, options);
  const text = await generation.text();
  const args = Object.entries(options).flatMap(([key, value]) =>
    [value].flat().flatMap((one) => [`--${optionName(key)}`, String(one)]),
  );
  const ran = await runTpa(['generate', PROMPT, ...args, '--json', '--simd', 'baseline']);
  const result = JSON.parse(ran.out());
  assert.equal(result.ids, generation.tokens);
  assert.is(result.text, text);
  assert.is(result.finishReason, generation.finishReason);
});

test('generate -: the prompt from stdin', async () => {
  const { out } = await runTpa(SEEDED.with(1, '-'), { stdin: `${PROMPT}\n` });
  assert.is(out(), (await runTpa(SEEDED)).out());
});

test('generate on a terminal: a bar that is erased, the prompt before its continuation', async () => {
  const { out, err } = await runTpa(SEEDED, { isTTY: true });
  assert.is(out(), `${PROMPT}${(await runTpa(SEEDED)).out()}`);
  assert.match(err(), /loading \[#+-*\]/);
  const afterBar = err().slice(err().lastIndexOf('\r\u001B[2K') + 5);
  assert.match(afterBar, /^prompt +5 tokens\n/);
});

test('generate on a terminal: a hostile prompt does not steer it', async () => {
  const { out } = await runTpa(['generate', 'a\u001B[2Jb\u0008', '--max-tokens', '1'], {
    isTTY: true,
  });
  assert.match(out(), /^ab/);
});

test('generate: a draw without a seed tells the one that it used', async () => {
  const args = ['generate', PROMPT, '--max-tokens', '20', '--json'];
  const first = JSON.parse((await runTpa(args)).out());
  const again = JSON.parse((await runTpa([...args, '--seed', String(first.seed)])).out());
  assert.equal(again.ids, first.ids);
});

test('info: whether it fits and how fast it is, then numbers of the shipped model', async () => {
  const { code, out, err } = await runTpa(['info']);
  assert.is(code, 0);
  assert.is(err(), '');
  assert.match(
    out(),
    /^fits +yes, with its whole context of 1,024 tokens\nneeds +[\d.]+ MB with that; [\d,.]+ MB are allowed, this machine has [\d,.]+ MB free\nwrites +[\d,.]+ tokens a second, measured over \d+ at an empty context\n\nmodel +\//,
  );
  assert.match(out(), /parameters +2,531,328\n/);
  assert.match(out(), /cache +3,840 bytes per token/);
  assert.match(out(), /MHA, same heads +12,288 bytes with 8 heads, 3\.2 times/);
  assert.match(out(), /MHA, same parameters +not known/);
  assert.match(out(), /SIMD +(baseline|relaxed): \w+/);
});

test('info --json: one object; --simd baseline is asked for', async () => {
  const { out } = await runTpa(['info', '--json', '--simd', 'baseline']);
  assert.match(out(), ONE_LINE);
  const report = JSON.parse(out());
  assert.is(report.cacheBytesPerToken, 3840);
  assert.is(report.mhaSameHeads.cacheBytesPerToken, 12_288);
  assert.is(report.simd, 'baseline');
  assert.is(report.simdReason, 'asked for');
  const { fits, context, neededBytes, limitBytes } = report.fit;
  assert.equal([fits, context], [true, 1024]);
  assert.ok(neededBytes > report.weightBytes + 1024 * 3840 && neededBytes < limitBytes);
  assert.ok(report.speed.tokens >= 2 && report.speed.tokensPerSecond > 0);
});

test('info --dtype: what weights have become, in layouts, and what was lost', async () => {
  const { out } = await runTpa(['info', '--dtype', 'q4']);
  assert.match(
    out(),
    /weights +[\d,]+ bytes \(q4\)\n +in +q4 \d+ tensors, [\d,]+ bytes\n +rounded +numbers of \d+ Q8_0 to q4, [\d.]+ %\n/,
  );
  const report = JSON.parse((await runTpa(['info', '--dtype', 'q8', '--json'])).out());
  assert.is(report.dtype, 'q8');
  assert.ok(report.weightBytes < 1.5 * report.parameters && report.weights.length > 0);
  const { code, err } = await runTpa(['info', '--dtype', 'q5']);
  assert.is(code, 2);
  assert.match(err(), /"--dtype" expected auto or f32 or q8 or q4/);
});

test('info: with a context of one token there is no speed', async () => {
  const { code, out } = await runTpa(['info', '--context', '1']);
  assert.is(code, 0);
  assert.match(out(), /^fits +yes.*\n.*\nwrites +not measured: /);
  assert.is(JSON.parse((await runTpa(['info', '--context', '1', '--json'])).out()).speed, null);
});

test('a model that does not fit: the error names the --context with which it does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tpa-large-'));
  try {
    writeTalkingT6(folder, { block_size: 4e6 });
    const { code, err } = await runTpa(['info', '-m', folder]);
    assert.is(code, 1);
    const [, context = ''] =
      /^error RESOURCE_LIMIT: .*; load it with --context (\d+)\n$/.exec(err()) ?? [];
    const fitting = await runTpa(['info', '-m', folder, '--context', context, '--json']);
    assert.is(JSON.parse(fitting.out()).contextLength, Number(context));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('help: every command and every option has its line', async () => {
  const { out } = await runTpa(['--help']);
  for (const { spec } of [generateCommand, chatCommand, infoCommand]) {
    assert.match(out(), new RegExp(`^ +${spec.name} `, 'm'));
    const help = await runTpa([spec.name, '--bogus', '--help']);
    assert.is(help.code, 0);
    assert.is(help.err(), '');
    for (const key of [...Object.keys(spec.options), 'help']) {
      assert.match(help.out(), new RegExp(`^ .*--${optionName(key)}[ \n]`, 'm'));
    }
    assert.is((await runTpa(['help', spec.name])).out(), help.out());
    for (const line of help.out().split('\n')) assert.ok(line.length <= 100, line);
  }
  assert.match(out(), /0 done, 1 failed .* 2 .*\n.* 130 interrupted/);
  for (const words of [['help'], ['-h']]) assert.is((await runTpa(words)).out(), out());
});

test('without a command: the help on stderr, 2', async () => {
  const { code, out, err } = await runTpa([]);
  assert.is(code, 2);
  assert.is(out(), '');
  assert.is(err(), (await runTpa(['--help'])).out());
});

test('--version, -v', async () => {
  const { code, out } = await runTpa(['--version']);
  assert.is((await runTpa(['-v'])).out(), out());
  assert.is(code, 0);
  assert.is(out(), `${await packageVersion()}\n`);
  assert.match(out(), /^\d+\.\d+\.\d+\n$/);
});

test('words that are not understood: one line on stderr, 2', async () => {
  for (const [words, message] of [
    ['genrate', /^tpa: unknown command "genrate", did you mean "generate"\?$/m],
    ['help inof', /unknown command "inof", did you mean "info"\?/],
    [
      '\u001B[2J',
      /unknown command "\?\[2J", expected generate, chat, info, convert, eval, snapshot, help/,
    ],
    ['--verison', /unknown option "--verison", did you mean "--version"\?/],
    ['generate', /generate expected one PROMPT, got none/],
    ['generate x --tempature 1', /did you mean "--temperature"\?/],
    ['generate x --top-p 1.1', /"--top-p" expected a number in 0\.\.1/],
    ['generate x --simd avx', /"--simd" expected auto or baseline or relaxed/],
    ['generate x --stop ', /"--stop" expected 1\.\.256 .*, got 0/],
    ['info x', /info expected options only/],
  ] as const) {
    await fails(words.split(' '), 2, message);
  }
});

test('what fails: one line "error CODE: message", 1', async () => {
  await fails(['info', '--model', '/no\nwhere'], 1, /^error MODEL_NOT_FOUND: there is no dir/);
  await fails(['info', '--model', 'src'], 1, /^error MODEL_NOT_FOUND: .*config\.json/);
  await fails(['generate', 'word '.repeat(600)], 1, /^error CONTEXT_OVERFLOW: /);
  await fails(['generate', 'x'.repeat(1e5)], 1, /^error PROMPT_TOO_LONG: /);
});

test('with --json what fails is one object on stderr: code and message; the exit code is the same', async () => {
  for (const [words, exitCode, code, message] of [
    ['info --model /nowhere --json', 1, 'MODEL_NOT_FOUND', /^there is no dir/],
    ['generate --json', 2, 'USAGE', /^generate expected one PROMPT, got none$/],
    ['info --json --modle x', 2, 'USAGE', /did you mean "--model"\?$/],
  ] as const) {
    const ran = await runTpa(words.split(' '));
    assert.is(ran.code, exitCode);
    assert.is(ran.out(), '');
    assert.match(ran.err(), ONE_LINE);
    const failure = JSON.parse(ran.err());
    assert.equal(Object.keys(failure), ['code', 'message']);
    assert.is(failure.code, code);
    assert.match(failure.message, message);
  }
});

test('short options are those of the long names', async () => {
  const short = await runTpa(['generate', PROMPT, '-n', '5', '-t', '1.2', '-s', '9']);
  const options = ['--max-tokens', '5', '--temperature', '1.2', '--seed', '9'];
  const long = await runTpa(['generate', PROMPT, '--model', SHIPPED_MODEL, ...options]);
  assert.is(short.out(), long.out());
  assert.is(
    (await runTpa(['generate', PROMPT, '-m', SHIPPED_MODEL, ...options])).out(),
    long.out(),
  );
});

test('Ctrl-C while a model loads or a prompt is read: 130', async () => {
  for (const [args, message] of [
    [['info'], 'interrupted\n'],
    [['generate', 'x', '--json'], '{"code":"ABORTED","message":"interrupted"}\n'],
  ] as const) {
    const host = fakeHost();
    const code = tpa(args, host);
    host.interrupt.abort();
    assert.is(await code, 130);
    assert.is(host.err(), message);
    assert.is(host.out(), '');
  }
  const host = fakeHost();
  const stdin = addAbortSignal(host.signal, new PassThrough());
  const code = tpa(['generate', '-'], { ...host, openStdin: () => stdin });
  stdin.write('Once');
  await setTimeout(10);
  host.interrupt.abort();
  assert.is(await code, 130);
  assert.is(host.err(), 'interrupted\n');
});

test.run();

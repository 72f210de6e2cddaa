import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../src/index.ts';
import { assertClose } from '../../helpers/checks/close.ts';
import { type FakeSettings, runJson, runTpa } from '../../helpers/fakes/fake-host.ts';
import { lettersJson } from '../../helpers/files/tokenizer-json.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';
import { logProbabilities } from '../../reference/log-probabilities.ts';

interface Context {
  root: string;
  /** A small model that begins texts with BOS, and questions of the form of ARC. */
  model: string;
  arc: string;
}

const { config, build } = llamaVariant('llama-untied');
const { source } = build();

const ROWS = ['a cow', 'a sea', 'no b', 'a boat', 'bread', 'a door'].map((word, i) => ({
  id: `q${i}`,
  question: `what is ${word}?`,
  choices: { text: ['a b', 'cat', `the ${word}`, 'no'], label: ['A', 'B', 'C', 'D'] },
  answerKey: 'ABCD'[i % 4],
}));
const jsonl = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const test = suite<Context>('tpa eval choice');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-choice-'));
  context.model = join(context.root, 'model');
  context.arc = join(context.root, 'arc.jsonl');
  await mkdir(context.model);
  const tokenizer = lettersJson({ beginsWithBos: true });
  await writeFile(join(context.model, 'config.json'), JSON.stringify(config));
  await writeFile(join(context.model, 'model.safetensors'), source.weights as Uint8Array);
  await writeFile(join(context.model, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(context.arc, jsonl(ROWS));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

const run = (args: readonly string[], settings?: FakeSettings) =>
  runTpa(['eval', 'choice', ...args], settings);

const json = (args: readonly string[], settings?: FakeSettings) =>
  runJson(['eval', 'choice', ...args], settings);

const SPEEDS = ['loadMilliseconds', 'scoreMilliseconds', 'questionsPerSecond'];

/** Standard error of so many right answers of six. */
const errorOf = (hits: number) => Math.sqrt(((hits / 6) * (1 - hits / 6)) / 5);

/** Without what another run does not have in common. */
function facts(result: Record<string, unknown>) {
  const others = new Set(['model', ...SPEEDS]);
  return Object.fromEntries(Object.entries(result).filter(([key]) => !others.has(key)));
}

test('--json: what model.logits() gives for the prompts of the harness, acc and acc_norm', async ({
  arc,
  model: path,
}) => {
  const found = await json([arc, '-m', path], { isTTY: true });
  using model = await loadModel(path);
  const { tokenizer } = model;
  let [hits, hitsPerByte] = [0, 0];
  for (const [i, { question, choices, answerKey }] of ROWS.entries()) {
    const context = `Question: ${question}\nAnswer:`;
    const before = [...tokenizer!.startIds, ...tokenizer!.encode(context)];
    const sums: number[] = [];
    for (const text of choices.text) {
      const ids = [...tokenizer!.startIds, ...tokenizer!.encode(`${context} ${text}`)];
      const rows = (await model.logits(ids)).subarray((before.length - 1) * 97);
      const scores = logProbabilities(rows, ids.slice(before.length), 97);
      sums.push(scores.reduce((sum, score) => sum + score, 0));
    }
    const { line, answer, loglikelihoods, bytes, isTruncated } = found.scores[i];
    assertClose(loglikelihoods, sums, { atol: 1e-3, what: question });
    assert.equal(
      { line, answer, bytes, isTruncated },
      {
        line: i + 1,
        answer: 'ABCD'.indexOf(answerKey!),
        bytes: choices.text.map((text) => text.length),
        isTruncated: false,
      },
    );
    const rates = sums.map((sum, choice) => sum / bytes[choice]);
    if (sums.indexOf(Math.max(...sums)) === answer) hits++;
    if (rates.indexOf(Math.max(...rates)) === answer) hitsPerByte++;
  }
  assert.equal(facts(found), {
    scores: found.scores,
    acc: hits / 6,
    acc_stderr: errorOf(hits),
    acc_norm: hitsPerByte / 6,
    acc_norm_stderr: errorOf(hitsPerByte),
    questions: 6,
    form: 'ARC',
    shots: 0,
    seed: 1234,
    truncated: 0,
    skipped: 0,
    skippedLines: [],
    skippedExamples: 0,
    resumedQuestions: 0,
  });
  for (const key of SPEEDS) assert.ok(found[key] > 0, key);
  assert.is(found.model.fingerprint, model.info().fingerprint);
});

test('--shots: examples of the file or of another, the same for the same seed; --limit', async ({
  root,
  arc,
  model,
}) => {
  const none = await json([arc, '-m', model]);
  const two = await json([arc, '-m', model, '--shots', '2']);
  assert.equal(facts(await json([arc, '-m', model, '--shots', '2', '--seed', '1234'])), facts(two));
  const seeded = await json([arc, '-m', model, '--shots', '2', '--seed', '5']);
  assert.is(seeded.seed, 5);
  assert.not.equal(two.scores, none.scores);
  assert.not.equal(seeded.scores, two.scores);
  const first = await json([arc, '-m', model, '--shots', '2', '--limit', '2']);
  assert.equal(first.scores, two.scores.slice(0, 2));
  assert.is(first.questions, 2);

  const one = { ...ROWS[1], question: 'x', answerKey: 'D' };
  const others = join(root, 'others.jsonl');
  await writeFile(others, jsonl([one]));
  const given = await json([arc, '-m', model, '--shots', '1', '--shots-file', others]);
  const spelled = ROWS.map(({ question, choices, answerKey }) => ({
    context: `Question: x\nAnswer: no\n\nQuestion: ${question}\nAnswer:`,
    choices: choices.text,
    answer: 'ABCD'.indexOf(answerKey!),
  }));
  const expected = await json(['-', '-m', model], { stdin: jsonl(spelled) });
  assert.equal(given.scores, expected.scores);

  await writeFile(others, '{"context":"x","choices":["a","b"],"answer":0}');
  const other = await run([arc, '-m', model, '--shots', '1', '--shots-file', others]);
  assert.is(other.err(), 'tpa: "--shots-file" expected questions of the form ARC, got choices\n');

  await writeFile(others, `{}\n${jsonl([one])}`);
  const bad = await run([arc, '-m', model, '--shots', '1', '--shots-file', others]);
  assert.match(bad.err(), /^tpa: line 1 of ".*others\.jsonl" cannot be asked: /);
  const skipping = [arc, '-m', model, '--shots', '1', '--shots-file', others, '--skip-bad'];
  const { skippedExamples, skipped, scores } = await json(skipping);
  assert.equal([skippedExamples, skipped, scores], [1, 0, expected.scores]);
});

test('one that is too long for the context is counted', async ({ arc, model }) => {
  const found = await json([arc, '-m', model, '--context', '28']);
  assert.is(found.questions, 6);
  assert.ok(found.truncated > 0);
  assert.is(
    found.truncated,
    found.scores.filter((one: { isTruncated: boolean }) => one.isTruncated).length,
  );
  const { out } = await run([arc, '-m', model, '--context', '28']);
  assert.match(out(), new RegExp(`^truncated +${found.truncated} questions, whose beginning`, 'm'));
});

test('on a terminal: a bar that is erased, then a table', async ({ arc, model }) => {
  const { code, out, err } = await run([arc, '-m', model, '--shots', '1'], { isTTY: true });
  assert.is(code, 0);
  assert.match(err(), /scoring \[#+-*\] +\d+%/);
  assert.ok(err().endsWith('\r\u001B[2K'));
  assert.match(
    out(),
    /^acc +0\.\d{4} ± 0\.\d{4}\nacc_norm +0\.\d{4} ± 0\.\d{4}\nquestions +6 of the form ARC, with weights as f32, [\d,.]+ a second\nexamples +1 before each question, seed 1234\n$/,
  );
});

test('Ctrl-C after any question: --resume goes on, to the same bits', async ({
  root,
  arc,
  model,
}) => {
  const state = join(root, 'state.jsonl');
  const args = [arc, '-m', model, '--shots', '1', '--simd', 'baseline'];
  const expected = await json(args);
  let asked = 0;
  for (let runs = 0; asked < 6; runs++) {
    assert.ok(runs < 7, 'each run asks a question');
    const ran = await run([...args, '--resume', state], {
      isTTY: true,
      onWrite: (piece, host) => piece.includes('scoring') && host.interrupt.abort(),
    });
    asked = (await readFile(state, 'utf8')).split('\n').length - 2;
    assert.is(ran.code, 130, ran.err());
    assert.match(ran.err(), /interrupted\n$/);
    assert.is(ran.out(), '');
  }
  const found = await json([...args, '--resume', state]);
  assert.equal(facts(found), { ...facts(expected), resumedQuestions: 6 });
  assert.is(found.questionsPerSecond, null);
  // fewer questions of the same state, and a run that was cut off in the middle of a line
  const few = await json([...args, '--resume', state, '--limit', '4']);
  assert.equal(few.scores, expected.scores.slice(0, 4));
  const whole = await readFile(state, 'utf8');
  await writeFile(state, whole.slice(0, -300));
  assert.equal((await json([...args, '--resume', state])).scores, expected.scores);
  assert.is(await readFile(state, 'utf8'), whole);
  assert.equal((await readdir(root)).toSorted(), ['arc.jsonl', 'model', 'state.jsonl']);

  for (const [others, field] of [
    [[...args, '--context', '200'], 'context'],
    [[...args, '--dtype', 'q8'], 'dtype'],
    [args.with(4, '2'), 'shots'],
    [[...args, '--seed', '1'], 'seed'],
    [['-', ...args.slice(1)], 'questions'],
  ] as [string[], string][]) {
    const { code, err } = await run([...others, '--resume', state], {
      stdin: jsonl(ROWS.slice(1)),
    });
    assert.is(code, 2, err());
    assert.match(
      err(),
      new RegExp(`^tpa: "--resume" expected a state whose ${field} is [^\\n]+\\n$`),
    );
    assert.is(await readFile(state, 'utf8'), whole);
  }
});

test('Ctrl-C in the middle of a long context ends the run', async ({ model }) => {
  const stdin = jsonl([{ context: 'a cow '.repeat(40), choices: ['no', 'ye'], answer: 0 }]);
  const ran = await run(['-', '-m', model], {
    stdin,
    isTTY: true,
    onWrite: (piece, host) => {
      // loading is over; the scoring has steps to do
      if (piece.includes('100%')) setImmediate(() => host.interrupt.abort());
    },
  });
  assert.is(ran.code, 130, ran.err());
  assert.match(ran.err(), /interrupted\n$/);
});

test('--skip-bad: bad lines are counted, and so are questions that this model cannot be asked', async ({
  root,
  model,
}) => {
  const mixed = join(root, 'mixed.jsonl');
  const own = { context: 'xy', choices: ['a', 'b'], answer: 1, delimiter: '' };
  const rows = [
    JSON.stringify(own),
    '{"context":',
    JSON.stringify({ ...own, answer: 2 }),
    '',
    JSON.stringify({ ...own, choices: ['a', 'e'] }), // "xye" has as many tokens as "xy"
    JSON.stringify({ ...own, choices: ['b', 'a'.repeat(256)] }),
    JSON.stringify({ ...own, choices: ['a', 'a'] }),
  ];
  await writeFile(mixed, rows.join('\n'));
  const args = [mixed, '-m', model];
  const refused = await run(args);
  assert.is(refused.code, 2);
  assert.match(
    refused.err(),
    /^tpa: line 2 of ".*mixed\.jsonl" cannot be asked: it is not JSON; mend it, or leave such lines out with --skip-bad\n$/,
  );
  const state = join(root, 'state.jsonl');
  for (const resumedQuestions of [0, 4]) {
    const found = await json([...args, '--skip-bad', '--resume', state]);
    assert.is(found.resumedQuestions, resumedQuestions);
    assert.equal([found.questions, found.skipped], [2, 4]);
    assert.equal(found.skippedLines, [
      { line: 2, reason: 'it is not JSON' },
      { line: 3, reason: '"answer" expected an integer in 0..1, got 2' },
      { line: 5, reason: 'choice 2 has no token' },
      { line: 6, reason: 'choice 2 has 256 tokens, the context takes 255 at most' },
    ]);
    const [first, twice] = found.scores;
    assert.is(twice.loglikelihoods[0], twice.loglikelihoods[1]);
    assert.equal([first.line, twice.line], [1, 7]);
  }
  const { out } = await run([...args, '--skip-bad']);
  assert.match(out(), /^skipped +4 lines that are no questions: 2, 3, 5, 6$/m);

  await writeFile(mixed, [rows[0], rows[4]].join('\n'));
  const late = await run([...args, '--json']);
  assert.is(late.code, 2);
  assert.match(
    JSON.parse(late.err()).message,
    /^line 2 of .* cannot be asked: choice 2 has no token;/,
  );
  await writeFile(mixed, rows[4]!);
  const nothing = await run([...args, '--skip-bad']);
  assert.is(nothing.code, 1);
  assert.match(nothing.err(), /^error PROMPT_EMPTY: no question of ".*mixed\.jsonl" can be asked/);
});

test('what cannot be read or asked: one line, and its code', async ({ root, arc, model }) => {
  const empty = join(root, 'empty');
  await writeFile(empty, '');
  const binary = join(root, 'binary');
  await writeFile(binary, Uint8Array.of(0xff, 0xfe, 0, 1));
  const noTokenizer = join(root, 'numbers');
  await mkdir(noTokenizer);
  await writeFile(join(noTokenizer, 'config.json'), JSON.stringify(config));
  await writeFile(join(noTokenizer, 'model.safetensors'), source.weights as Uint8Array);
  for (const [args, code, message] of [
    [[empty], 1, /^error PROMPT_EMPTY: ".*empty" has no question/],
    [['-'], 2, /^tpa: line 1 of standard input cannot be asked: it is not JSON/],
    [[binary], 2, /^tpa: "FILE" expected UTF-8 text, got other bytes/],
    [[join(root, 'absent')], 2, /^tpa: "FILE" expected a file that can be read/],
    [[arc, '-m', noTokenizer], 1, /^error TOKENIZER_MISSING: the model has no tokenizer/],
    [[arc, '-m', join(root, 'absent')], 1, /^error MODEL_NOT_FOUND: /],
    [
      [arc, '--shots', '6'],
      2,
      /^tpa: "--shots" expected at most 5, the examples for line 1, got 6/,
    ],
    [[arc, '--shots-file', arc], 2, /^tpa: "--shots-file" expected --shots of at least 1 besides/],
    [[arc, '--shots', '1', '--shots-file', binary], 2, /^tpa: "--shots-file" expected UTF-8 text/],
    [[arc, '--shots', '1', '--shots-file', empty], 1, /^error PROMPT_EMPTY: /],
    [[arc, '--limit', '0'], 2, /^tpa: "--limit" expected an integer >= 1, got "0"/],
    [[arc, '-m', model, '--resume', root], 2, /^tpa: "--resume" expected a file that can be read/],
    [[], 2, /^tpa: eval choice expected one FILE, got none/],
    [[arc, empty], 2, /^tpa: eval choice expected one FILE, got 2: join the files first/],
  ] as [string[], number, RegExp][]) {
    const ran = await run(args, { stdin: 'x' });
    assert.is(ran.code, code, args.join(' '));
    assert.match(ran.err(), message);
    assert.match(ran.err(), /^[^\n]+\n$/);
    assert.is(ran.out(), '');
  }
});

test.run();

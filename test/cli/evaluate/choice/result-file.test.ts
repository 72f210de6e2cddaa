import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Outcome } from '../../../../src/cli/evaluate/choice/result-file.ts';
import { ResultFile } from '../../../../src/cli/evaluate/choice/result-file.ts';
import { outcomeOf } from '../../../helpers/checks/refused.ts';

interface Context {
  root: string;
  path: string;
}

const test = suite<Context>('the state of tpa eval choice');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-results-'));
  context.path = join(context.root, 'state.jsonl');
});
test.after.each(({ root }) => rm(root, { recursive: true }));

const IDENTITY = { model: 'abc', questions: 'def', shots: 0 };
const QUESTIONS = [3, 5, 6, 9].map((line) => ({
  line,
  description: '',
  context: 'x',
  delimiter: ' ',
  choices: ['é', 'ab'],
  answer: line % 2,
}));
const OUTCOMES: readonly Outcome[] = [
  {
    line: 3,
    answer: 1,
    loglikelihoods: [-1 / 3, -12.345678901234567],
    bytes: [2, 2],
    isTruncated: false,
  },
  { line: 5, reason: 'choice 1 has no token' },
  { line: 6, answer: 0, loglikelihoods: [-1e-9, -800], bytes: [2, 2], isTruncated: true },
  { line: 9, answer: 1, loglikelihoods: [-3, -4], bytes: [2, 2], isTruncated: false },
];

/** The outcomes in the file, after some more were added. */
async function goOn(path: string, count: number, questions = QUESTIONS): Promise<Outcome[]> {
  const file = await ResultFile.open(path, IDENTITY, questions);
  const { done } = file;
  for (const outcome of OUTCOMES.slice(done.length, done.length + count)) await file.add(outcome);
  await file.close();
  return [...done];
}

async function usage(action: () => unknown): Promise<string> {
  const error = (await outcomeOf(action)) as Error;
  assert.is(error.name, 'UsageError', String(error));
  assert.not.match(error.message, /\n/);
  return error.message;
}

test('outcomes come back with every bit, however often it is opened', async ({ path }) => {
  assert.equal(await goOn(path, 1), []);
  assert.equal(await goOn(path, 0), OUTCOMES.slice(0, 1));
  assert.equal(await goOn(path, 2), OUTCOMES.slice(0, 1));
  assert.equal(await goOn(path, 1), OUTCOMES.slice(0, 3));
  assert.equal(await goOn(path, 1), OUTCOMES);
  // fewer questions, then all of them again
  assert.equal(await goOn(path, 0, QUESTIONS.slice(0, 2)), OUTCOMES.slice(0, 2));
  assert.equal(await goOn(path, 0), OUTCOMES);
});

test('cut off after any byte: whole lines are kept, the rest is written anew', async ({ path }) => {
  await goOn(path, 4);
  const whole = await readFile(path);
  const ends = [...whole.keys()].filter((i) => whole[i] === 10);
  for (let bytes = 0; bytes <= whole.length; bytes += 7) {
    await writeFile(path, whole.subarray(0, bytes));
    const lines = ends.filter((end) => end < bytes).length;
    assert.is((await goOn(path, 4)).length, Math.max(0, lines - 1), `${bytes} bytes`);
    assert.equal(await readFile(path), whole);
  }
});

test('of another run is refused by the name of what differs, and stays as it is', async ({
  path,
}) => {
  await goOn(path, 2);
  const before = await readFile(path, 'utf8');
  for (const [field, value] of Object.entries({ model: 'x', questions: 'y', shots: 1 })) {
    const identity = { ...IDENTITY, [field]: value };
    const message = await usage(() => ResultFile.open(path, identity, QUESTIONS));
    assert.match(
      message,
      new RegExp(`^"--resume" expected a state whose ${field} is ${value}, got`),
    );
  }
  const other = QUESTIONS.map((question) => ({ ...question, line: question.line + 1 }));
  assert.match(await usage(() => goOn(path, 0, other)), /expected a state that this command/);
  const three = QUESTIONS.map((question) => ({ ...question, choices: ['a', 'b', 'c'] }));
  assert.match(await usage(() => goOn(path, 0, three)), /expected a state that this command/);
  assert.is(await readFile(path, 'utf8'), before);
});

test('what is none, damaged or hostile is refused, and stays as it is', async ({ root, path }) => {
  await goOn(path, 0);
  const head = await readFile(path, 'utf8');
  for (const content of [
    'a text without an end of line',
    'a text\n',
    '{}\n',
    'null\n',
    '{"format":"tpa eval perplexity 1"}\n',
    `${head}null\n`,
    `${head}{"line":3}\n`,
    `${head}{"line":3,"loglikelihoods":[1,null],"isTruncated":false}\n`,
    `${head}{"line":3,"loglikelihoods":[1,"2"],"isTruncated":false}\n`,
    `${head}{"line":3,"loglikelihoods":[1,2]}\n`,
    `${head}{"line":4,"reason":"x"}\n`,
    '\u0000\u0001\n',
  ]) {
    await writeFile(path, content);
    assert.match(
      await usage(() => goOn(path, 0)),
      /^"--resume" expected a state that this command/,
    );
    assert.is(await readFile(path, 'utf8'), content);
  }
  assert.match(await usage(() => goOn(root, 0)), /^"--resume" expected a file that can be read/);
  const nowhere = join(root, 'absent', 'state');
  assert.match(
    await usage(() => goOn(nowhere, 0)),
    /^"--resume" expected a file that can be written/,
  );
  await rm(path);
  await goOn(path, 4);
  await appendFile(path, 'more\n'); // of a run that asked more questions
  assert.is((await goOn(path, 0)).length, 4);
});

test.run();

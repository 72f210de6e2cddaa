import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Examples } from '../../../../src/cli/evaluate/choice/examples.ts';
import {
  type Questions,
  readQuestions,
  SkippedLines,
} from '../../../../src/cli/evaluate/choice/question-file.ts';

async function read(rows: readonly object[]): Promise<Questions> {
  const text = rows.map((row) => JSON.stringify(row)).join('\n');
  return readQuestions(text, 'file', new SkippedLines('file', false));
}

const own = await read(
  Array.from({ length: 30 }, (_, i) => ({
    context: `q${i}`,
    choices: [`n${i}`, `y${i}`],
    answer: i % 2,
  })),
);
const mmlu = await read(
  Array.from({ length: 8 }, (_, i) => ({
    question: `q${i}`,
    subject: i % 2 === 0 ? 'law' : 'art',
    choices: ['w', 'x'],
    answer: 1,
  })),
);
const about = (subject: string) =>
  `The following are multiple choice questions (with answers) about ${subject}.\n\n`;
const asked = (i: number) => `q${i}\nA. w\nB. x\nAnswer:`;

/** Numbers of the questions that a context ends with, its own the last. */
const numbersIn = (context: string) => [...context.matchAll(/q(\d+)/g)].map(([, n]) => Number(n));

/** A question with its answer. */
const line = (i: number) => `q${i} ${i % 2 === 0 ? 'n' : 'y'}${i}\n\n`;

/** Numbers of the examples of each question, and its own. */
function all(seed: number, shots: number): number[][] {
  const examples = new Examples(own, { shots, seed });
  return own.questions.map((question) => numbersIn(examples.before(question)));
}

const test = suite('examples before a question');

test('none: the context alone; some: each with its answer and an empty line', () => {
  assert.is(new Examples(own, { shots: 0, seed: 1 }).before(own.questions[3]!), 'q3');
  const context = new Examples(own, { shots: 2, seed: 1 }).before(own.questions[3]!);
  const [first, second, last] = numbersIn(context);
  assert.is(context, `${line(first!)}${line(second!)}q3`);
  assert.is(last, 3);
});

test('the same seed draws the same, another one others; never the question itself, none twice', () => {
  const five = all(7, 5);
  assert.equal(all(7, 5), five);
  assert.not.equal(all(8, 5), five);
  for (const numbers of [...five, ...all(7, 29)]) assert.is(new Set(numbers).size, numbers.length);
  // one more shot goes on from the others
  assert.equal(
    all(7, 6).map((numbers) => numbers.slice(0, 5)),
    five.map((numbers) => numbers.slice(0, 5)),
  );
  // 29 others, 150 draws: each is drawn some times
  const drawn = new Map<number, number>();
  for (const number of five.flatMap((numbers) => numbers.slice(0, 5))) {
    drawn.set(number, (drawn.get(number) ?? 0) + 1);
  }
  assert.ok(drawn.size >= 25, `${drawn.size} of 30`);
  assert.ok(Math.max(...drawn.values()) <= 15);
});

test('of MMLU the first of the same subject, whatever the seed', () => {
  for (const seed of [1, 2]) {
    const examples = new Examples(mmlu, { shots: 2, seed });
    assert.is(
      examples.before(mmlu.questions[6]!),
      `${about('law')}${asked(0)} B\n\n${asked(2)} B\n\n${asked(6)}`,
    );
    assert.is(
      examples.before(mmlu.questions[1]!),
      `${about('art')}${asked(3)} B\n\n${asked(5)} B\n\n${asked(1)}`,
    );
  }
});

test('a question that the other file has, too, is no example for itself', async () => {
  const twice = await read([
    { context: 'q1', choices: ['n1', 'y1'], answer: 1 },
    { context: 'q1', choices: ['n1', 'z1'], answer: 1 },
    { context: 'q2', choices: ['n2', 'y2'], answer: 1 },
  ]);
  const context = new Examples(twice, { shots: 2, seed: 1 }).before(own.questions[1]!);
  assert.equal(context.split('\n\n').toSorted(), ['q1', 'q1 z1', 'q2 y2']);
});

test('too few: says how many there are', () => {
  assert.throws(
    () => new Examples(own, { shots: 30, seed: 1 }).before(own.questions[2]!),
    (error: Error) =>
      error.name === 'UsageError' &&
      error.message === '"--shots" expected at most 29, the examples for line 3, got 30',
  );
  assert.throws(
    () => new Examples(mmlu, { shots: 4, seed: 1 }).before(mmlu.questions[0]!),
    /at most 3, the examples for line 1, got 4/,
  );
});

test.run();

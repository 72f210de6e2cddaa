import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readQuestions, SkippedLines } from '../../../../src/cli/evaluate/choice/question-file.ts';

/** The form and the questions of some rows. */
async function read(...rows: readonly object[]) {
  const text = rows.map((row) => JSON.stringify(row)).join('\n');
  const { form, questions } = await readQuestions(text, 'file', new SkippedLines('file', false));
  return { name: form.name, takesFirst: form.takesFirst, questions };
}

/** The message about the second of two rows, of which the first is a question. */
async function refusal(first: object, second: object): Promise<string> {
  try {
    await read(first, second);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(second)} was taken`);
}

const arc = {
  id: 'a',
  question: 'Where do fish live?',
  choices: { text: ['in trees', 'in water', 'on Mars'], label: ['A', 'B', 'C'] },
  answerKey: 'B',
};
const boolq = { question: 'is the sun hot', passage: 'The sun is a star.', answer: true };
const hellaswag = {
  ind: 24,
  activity_label: 'Roof shingle removal',
  ctx_a: 'A man is sitting on a roof.',
  ctx_b: 'he',
  endings: ['is using wrap.', 'is ripping tiles off.', 'holds a cube.', 'starts pulling.'],
  label: '3',
};
const mmlu = {
  question: 'What is 2 + 2?',
  subject: 'elementary_mathematics',
  choices: ['3', '4', '5', '6'],
  answer: 1,
};
const own = { context: 'The sky is', choices: ['blue', 'green'], answer: 0 };

const test = suite('forms of questions');

test('ARC: labels of letters, digits or numbers, and any number of choices', async () => {
  const { name, takesFirst, questions } = await read(
    arc,
    {
      ...arc,
      choices: { text: ['a', 'b', 'c', 'd', 'e'], label: ['1', '2', '3', '4', '5'] },
      answerKey: '5',
    },
    { ...arc, choices: { text: ['a', 'b'], label: [1, 2] }, answerKey: 1 },
    { ...arc, choices: { text: ['a', 'b'], label: ['1', '2'] }, answerKey: 2 },
  );
  assert.equal([name, takesFirst], ['ARC', false]);
  assert.equal(questions[0], {
    line: 1,
    description: '',
    context: 'Question: Where do fish live?\nAnswer:',
    delimiter: ' ',
    choices: ['in trees', 'in water', 'on Mars'],
    answer: 1,
  });
  assert.equal(
    questions.map(({ line, answer }) => [line, answer]),
    [
      [1, 1],
      [2, 4],
      [3, 0],
      [4, 1],
    ],
  );
  const { choices } = arc;
  for (const [row, message] of [
    [{ ...arc, answerKey: 'D' }, /"answerKey" expected one of "choices.label", got "D"/],
    [{ ...arc, answerKey: undefined }, /"answerKey" expected .*, got undefined/],
    [{ ...arc, answerKey: { toString: 1 } }, /"answerKey" expected .*, got Object/],
    [{ ...arc, choices: undefined }, /"choices.text" expected an array of texts, got undefined/],
    [{ ...arc, choices: { ...choices, text: ['a'] } }, /"choices.text" .* or more, got 1/],
    [{ ...arc, choices: { ...choices, text: ['a', 5, 'b'] } }, /"choices.text\[1\]" .* got 5/],
    [{ ...arc, choices: { ...choices, label: ['A'] } }, /"choices.label" .* 3 labels/],
    [{ ...arc, question: 5 }, /"question" expected a text, got 5/],
  ] as const) {
    assert.match(await refusal(arc, row), message);
  }
});

test('BoolQ: a truth value, or the label of SuperGLUE', async () => {
  const { name, questions } = await read(
    boolq,
    { ...boolq, answer: false },
    { ...boolq, answer: undefined, label: 1, idx: 0 },
  );
  assert.is(name, 'BoolQ');
  assert.equal(questions[0], {
    line: 1,
    description: '',
    context: 'The sun is a star.\nQuestion: is the sun hot?\nAnswer:',
    delimiter: ' ',
    choices: ['no', 'yes'],
    answer: 1,
  });
  assert.equal(
    questions.map(({ answer }) => answer),
    [1, 0, 1],
  );
  const hidden = { ...boolq, answer: undefined, label: -1 };
  assert.match(await refusal(boolq, hidden), /"label" expected an integer in 0\.\.1, got -1/);
  const word = { ...boolq, answer: 'yes' };
  assert.match(await refusal(boolq, word), /"answer" expected true or false, got "yes"/);
});

test('HellaSwag: brackets and spaces as the harness takes them out, the scene with a capital', async () => {
  const { name, questions } = await read(
    hellaswag,
    {
      ...hellaswag,
      activity_label: ' Cooking ',
      ctx_a: '[header] How to cook [title] Take a pan. [step] Heat it.  Wait',
      ctx_b: 'THE Pan IS hot',
      endings: [' [substeps] Add oil. [title] Stir. ', '[a [b] c] d', 'x ] y [z', '[all]'],
      label: 0,
    },
    { ...hellaswag, ctx_b: '', label: 2 },
    { ...hellaswag, ctx_b: 'élan VITAL', endings: ['a[b\nc]d', '   [x]   y'], label: '1' },
  );
  assert.is(name, 'HellaSwag');
  assert.equal(questions[0], {
    line: 1,
    description: '',
    context: 'Roof shingle removal: A man is sitting on a roof. He',
    delimiter: ' ',
    choices: hellaswag.endings,
    answer: 3,
  });
  assert.is(
    questions[1]!.context,
    'Cooking : How to cook. Take a pan. Heat it. Wait The pan is hot',
  );
  assert.equal(questions[1]!.choices, [' Add oil.. Stir.', ' c] d', 'x ] y [z', '']);
  assert.is(questions[2]!.context, 'Roof shingle removal: A man is sitting on a roof.');
  assert.is(questions[3]!.context, 'Roof shingle removal: A man is sitting on a roof. Élan vital');
  assert.equal(questions[3]!.choices, ['a[b\nc]d', '  y']);
  assert.equal(
    questions.map(({ answer }) => answer),
    [3, 0, 2, 1],
  );
  const hidden = { ...hellaswag, label: '' };
  assert.match(await refusal(hellaswag, hidden), /"label" expected an integer in 0\.\.3, got ""/);
});

test('MMLU: letters are scored, examples are the first of the same subject', async () => {
  const { name, takesFirst, questions } = await read(mmlu, {
    question: ' \n Which? \u00A0',
    choices: ['x', ''],
    answer: '1',
  });
  assert.equal([name, takesFirst], ['MMLU', true]);
  assert.equal(questions[0], {
    line: 1,
    description:
      'The following are multiple choice questions (with answers) about elementary mathematics.\n\n',
    context: 'What is 2 + 2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:',
    delimiter: ' ',
    choices: ['A', 'B', 'C', 'D'],
    answer: 1,
  });
  assert.equal(questions[1], {
    line: 2,
    description: '',
    context: 'Which?\nA. x\nB. \nAnswer:',
    delimiter: ' ',
    choices: ['A', 'B'],
    answer: 1,
  });
  const many = { ...mmlu, choices: Array.from({ length: 27 }, String) };
  assert.match(await refusal(mmlu, many), /"choices" expected at most 26 texts, got 27/);
  for (const answer of [4, -1, 1.5, 'B', null]) {
    assert.match(
      await refusal(mmlu, { ...mmlu, answer }),
      /"answer" expected an integer in 0\.\.3/,
    );
  }
});

test('questions of no data set: a context or a prompt, and a delimiter', async () => {
  const { name, questions } = await read(own, {
    prompt: 'x',
    choices: ['a', 'a', ''],
    answer: 2,
    delimiter: '\n',
  });
  assert.is(name, 'choices');
  const start = { description: '', delimiter: ' ' };
  assert.equal(questions, [
    { ...start, line: 1, context: 'The sky is', choices: ['blue', 'green'], answer: 0 },
    { ...start, line: 2, context: 'x', choices: ['a', 'a', ''], answer: 2, delimiter: '\n' },
  ]);
  assert.match(
    await refusal(own, { ...own, answer: 2 }),
    /"answer" expected an integer in 0\.\.1, got 2/,
  );
  assert.match(
    await refusal(own, arc),
    /^line 2 of file cannot be asked: "choices" expected an array/,
  );
});

test('brackets and spaces by the million take no time that grows with their square', async () => {
  const million = 10 ** 6;
  const endings = ['['.repeat(million), ' '.repeat(million) + 'x' + ' '.repeat(million), 'b'];
  const { questions } = await read({ ...hellaswag, endings, label: 0 });
  assert.equal(questions[0]!.choices, [endings[0], 'x', 'b']);
});

test.run();

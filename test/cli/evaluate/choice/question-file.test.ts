import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readQuestions, SkippedLines } from '../../../../src/cli/evaluate/choice/question-file.ts';
import { TpaError } from '../../../../src/index.ts';
import { outcomeOf } from '../../../helpers/checks/refused.ts';

const ROW = JSON.stringify({ context: 'x', choices: ['a', 'b'], answer: 0 });

const test = suite('files of questions');

/** What is read where bad lines are left out. */
async function skipping(text: string) {
  const skipped = new SkippedLines('"file"', true);
  const { questions } = await readQuestions(text, '"file"', skipped);
  return { lines: questions.map(({ line }) => line), skipped };
}

async function messageOf(text: string): Promise<string> {
  try {
    await readQuestions(text, '"file"', new SkippedLines('"file"', false));
  } catch (error) {
    assert.is((error as Error).name, 'UsageError');
    return (error as Error).message;
  }
  throw new Error('was read');
}

test('empty lines and both ends of lines count as lines alone', async () => {
  const { lines, skipped } = await skipping(`\n${ROW}\r\n  \n\n${ROW}`);
  assert.equal(lines, [2, 5]);
  assert.is(skipped.count, 0);
});

test('a bad line is named by its number, with what is wrong and what to do', async () => {
  for (const [bad, reason] of [
    ['{"context":', 'it is not JSON'],
    [ROW.slice(0, -1), 'it is not JSON'],
    ['[1]', 'it is no JSON object'],
    ['null', 'it is no JSON object'],
    ['"text"', 'it is no JSON object'],
    ['{"context":1,"choices":["a","b"],"answer":0}', '"context" expected a text, got 1'],
    ['{"choices":["a","b"],"answer":0}', '"prompt" expected a text, got undefined'],
    ['{"context":"x","choices":["a","b"]}', '"answer" expected an integer in 0..1, got undefined'],
  ] as const) {
    const message = await messageOf(`${ROW}\n\n${bad}\n${ROW}`);
    assert.is(
      message,
      `line 3 of "file" cannot be asked: ${reason}; mend it, or leave such lines out with --skip-bad`,
    );
    const { lines, skipped } = await skipping(`${ROW}\n\n${bad}\n${ROW}`);
    assert.equal(lines, [1, 4]);
    assert.equal([skipped.count, skipped.first], [1, [{ line: 3, reason }]]);
  }
});

test('fields of no known form are named; a bad first line decides no form', async () => {
  assert.match(
    await messageOf('{"id":1,"text\\u001b":2}'),
    /it is of no known form, its fields are "id", "text\\u001b";/,
  );
  assert.match(await messageOf('{}'), /its fields are none;/);
  const { lines, skipped } = await skipping(`{"endings":5}\n{"x":1}\n${ROW}`);
  assert.equal([lines, skipped.count], [[3], 2]);
});

test('of many bad lines the first are kept, and Ctrl-C ends the reading', async () => {
  const { lines, skipped } = await skipping(`${'x\n'.repeat(1e5)}${ROW}`);
  assert.equal([lines, skipped.count, skipped.first.length], [[100_001], 1e5, 20]);
  const controller = new AbortController();
  const few = new SkippedLines('file', true);
  const reading = readQuestions('x\n'.repeat(1e6), 'file', few, controller.signal);
  controller.abort();
  assert.is(((await outcomeOf(() => reading)) as Error).name, 'AbortError');
  assert.ok(few.count < 1e6);
});

test('nothing to ask is PROMPT_EMPTY', async () => {
  for (const text of ['', '\n \n', 'x\ny']) {
    try {
      await skipping(text);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TpaError);
      assert.is((error as TpaError).code, 'PROMPT_EMPTY');
      assert.match((error as Error).message, /^"file" has no question; pass /);
    }
  }
});

test('a value as deep as the file is long is no crash', async () => {
  const deep = `{"context":${'['.repeat(1e6)}${']'.repeat(1e6)},"choices":["a","b"],"answer":0}`;
  assert.is((await skipping(`${deep}\n${ROW}`)).skipped.count, 1);
});

test.run();

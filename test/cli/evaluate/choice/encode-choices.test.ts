import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeChoices } from '../../../../src/cli/evaluate/choice/encode-choices.ts';
import { BadQuestion } from '../../../../src/cli/evaluate/choice/question.ts';
import { createTokenizer } from '../../../../src/text/tokenizer.ts';
import { BOS, lettersJson } from '../../../helpers/files/tokenizer-json.ts';

const { signal } = new AbortController();
const plain = createTokenizer(lettersJson());
const withBos = createTokenizer(lettersJson({ beginsWithBos: true }));
/** Merges across the border of context and choice: `ye` is one token. */
const ids = (text: string) => plain.encode(text);

async function encode(
  context: string,
  texts: readonly string[],
  tokenizer = plain,
  prefixId: number | undefined = undefined,
) {
  const encoded = await encodeChoices({ tokenizer, prefixId }, context, texts, signal);
  return encoded.map((one) => [[...one.context], [...one.continuation]]);
}

async function isBad(message: RegExp, ...args: Parameters<typeof encode>): Promise<void> {
  try {
    await encode(...args);
  } catch (error) {
    assert.instance(error, BadQuestion);
    assert.match((error as Error).message, message);
    return;
  }
  throw new Error('was encoded');
}

const test = suite('ids of choices');

test('context and choice are encoded as one, and cut where the context ends alone', async () => {
  assert.equal(await encode('x:', [' a', ' no']), [
    [ids('x:'), ids(' a')],
    [ids('x:'), [...ids(' '), ...ids('no')]],
  ]);
  assert.is(ids(' a').length, 1);
  // one token in the whole, two apart: one id of the whole stands behind the two of the context
  assert.equal(await encode('xy', ['en']), [[ids('xy'), ids('xyen').slice(2)]]);
  assert.equal(ids('xyen').length, 3);
});

test('white space at the end of a context goes to the choice', async () => {
  for (const space of [' ', '\n', '\t ', '\u3000', '\u001C\u0085']) {
    assert.equal(await encode(`x:${space}`, ['a']), [[ids('x:'), ids(`x:${space}a`).slice(2)]]);
  }
  assert.equal(await encode('x: ', ['a']), [[ids('x:'), ids(' a')]]);
});

test('BOS stands first, and is a context where there is no other; else EOS', async () => {
  assert.equal(await encode('x', [' a'], withBos), [[[BOS, ...ids('x')], ids(' a')]]);
  for (const empty of ['', ' ']) {
    const text = `${empty}b`;
    assert.equal(await encode(empty, ['b'], withBos, 9), [[[BOS], ids(text)]]);
    assert.equal(await encode(empty, ['b'], plain, 9), [[[9], ids(text)]]);
  }
  await isBad(/^its context is empty, and the model has no token to begin/, '', ['b']);
});

test('a choice without a token is no choice', async () => {
  await isBad(/^choice 2 has no token$/, 'x', ['a', '']);
  await isBad(/^choice 1 has no token$/, 'xy', ['e', 'a']); // "xye" has two tokens, as "xy" has
});

test.run();

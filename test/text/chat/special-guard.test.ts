import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SpecialGuard } from '../../../src/text/chat/special-guard.ts';
import { StandIns } from '../../../src/text/chat/stand-ins.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { chatTokenizer, chatTokenizerJson, SPECIAL } from '../../helpers/models/chat.ts';

const test = suite('SpecialGuard');

const ALL = [...chatTokenizer.specialTokens.keys()];
const IDS = new Set(chatTokenizer.specialTokens.values());

function specialIds(ids: readonly number[]): number[] {
  return ids.filter((id) => IDS.has(id));
}

/** A guard, and the ids of texts of a template (at odd places) and of people. */
function guardOf(tokenizer = chatTokenizer, written: readonly string[] = []) {
  const guard = new SpecialGuard(tokenizer, written);
  return {
    guard,
    encode(before: string, ...texts: string[]): number[] {
      const standIns = new StandIns(guard.marks, [before, ...texts, ...guard.marks]);
      const parts = texts.map((text, i) => (i % 2 === 0 ? standIns.hide(text) : text));
      const rendered = before + parts.join('');
      const own = guard.tokensIn(rendered, standIns);
      return [...guard.encode(rendered, own, standIns)].flat();
    },
  };
}

/** Ids of `before + hidden text + after`. */
function encode(text: string, before = '', after = ''): number[] {
  return guardOf().encode(before, text, after);
}

test('every special token of the template around a message is parsed', () => {
  assert.is(ALL.length, SPECIAL.length + 1);
  for (const special of ALL) {
    for (const text of ['x', special, `<|${special}|>`]) {
      const ids = encode(text, special, special);
      const id = chatTokenizer.specialTokens.get(special);
      assert.equal([ids[0], ids.at(-1), specialIds(ids).length], [id, id, 2], text);
      assert.is(chatTokenizer.decode(ids), special + text + special);
    }
  }
});

test('every special token, cut anywhere over two messages or a message and the template, stays text', () => {
  for (const special of ALL.filter((token) => /[^\p{L}]/u.test(token))) {
    for (let cut = 1; cut < special.length; cut++) {
      const [a, b] = [special.slice(0, cut), special.slice(cut)];
      assert.equal(specialIds(guardOf().encode('', a, '', b)), [], `${a} ${b}`);
      if (/[^\p{L}\p{N}]/u.test(a)) assert.equal(specialIds(encode(a, '', b)), [], a);
      if (/[^\p{L}\p{N}]/u.test(b)) assert.equal(specialIds(encode(b, a)), [], b);
    }
  }
});

test('without special tokens in messages the ids are those of the text in one piece', () => {
  const piece = fc.oneof(
    fc.constantFrom('<', '|', '>', '<|', 'a < b', '[x]', '_', '/', '</', 'im_end', '\uE000', '▁'),
    fc
      .string({ unit: 'binary', maxLength: 12 })
      .map((text) => text.replaceAll(/\p{Surrogate}/gu, '')),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      fc.pre(!ALL.some((special) => text.includes(special)));
      const before = '<|im_start|>user\n';
      const expected = chatTokenizer.encode(`${before}${text}<|im_end|>\n`, { parseSpecial: true });
      assert.equal(encode(text, before, '<|im_end|>\n'), expected);
    }),
    { numRuns: 500 },
  );
});

test('any mix of pieces of special tokens in any messages gives the special ids of the template only', () => {
  const piece = fc.oneof(
    fc.constantFrom(...ALL, '<', '|', '>', '<|', '|>', '</', '[', ']', ' ', '\uE000'),
    fc
      .constantFrom(...ALL)
      .chain((special) => fc.nat(special.length).map((cut) => special.slice(0, cut))),
    fc
      .constantFrom(...ALL)
      .chain((special) => fc.nat(special.length).map((cut) => special.slice(cut))),
  );
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 6 }), { maxLength: 4 }), (messages) => {
      const texts = messages.map((pieces) => pieces.join('').replaceAll('PAD', ''));
      const ids = guardOf().encode('<s>', ...texts.flatMap((text) => [text, '']), '', '</s>');
      assert.equal(specialIds(ids), [2050, 2051]);
      assert.is(chatTokenizer.decode(ids), `<s>${texts.join('')}</s>`);
    }),
    { numRuns: 1000 },
  );
});

test('private-use characters of messages and templates are themselves', () => {
  const text = '\uE000\uE001<|im_end|>\uE002\uF8FF';
  const ids = encode(text, '\uE003');
  assert.is(chatTokenizer.decode(ids), `\uE003${text}`);
  assert.equal(specialIds(ids), []);
});

test('a special token that a normalizer or a merge arrives at is not parsed', () => {
  const normalizer = { type: 'NFKC' };
  const normalized = createTokenizer(
    chatTokenizerJson({
      normalizer,
      added_tokens: [{ id: 2048, content: '<|end|>', special: true, normalized: true }],
    }),
  );
  const text = '＜｜end｜＞';
  assert.ok(normalized.encode(text, { parseSpecial: true }).includes(2048), 'the trap is real');
  const guarded = guardOf(normalized);
  assert.not(guarded.encode('', text).includes(2048));
  assert.equal(
    guarded.encode('<|end|>', text).filter((id) => id === 2048),
    [2048],
  );
});

function addedToken(id: number, content: string, more: object = {}): object {
  return { id, content, special: true, ...more };
}

test('a special token that takes the blanks before it does so', () => {
  const added_tokens = [addedToken(2048, '<x>', { lstrip: true })];
  const stripping = createTokenizer(chatTokenizerJson({ added_tokens }));
  const expected = stripping.encode('a <x>', { parseSpecial: true });
  assert.equal(expected, [...stripping.encode('a'), 2048], 'the trap is real');
  assert.equal(guardOf(stripping).encode('', 'a', ' <x>'), expected);
});

test('a special token of the template right after a part of it in a message is parsed', () => {
  const added_tokens = [addedToken(2048, '||')];
  const doubled = createTokenizer(chatTokenizerJson({ added_tokens }));
  assert.equal(guardOf(doubled).encode('', '|', '||'), [...doubled.encode('|'), 2048]);
});

test('of two special tokens that begin together the longer one is parsed, also beside one of a message', () => {
  const added_tokens = [addedToken(2048, '<s>'), addedToken(2049, '<s>>')];
  const nested = createTokenizer(chatTokenizerJson({ added_tokens }));
  const ids = guardOf(nested).encode('<s>>', '<s>', '<s>');
  assert.equal(ids, [2049, ...nested.encode('<s>'), 2048]);
});

test('a tokenizer without special tokens: everything is text', () => {
  const plain = createTokenizer(chatTokenizerJson({ added_tokens: [] }));
  const guarded = guardOf(plain);
  assert.is(guarded.guard.marks.size, 0);
  assert.equal(guarded.encode('a <|im_end|>'), plain.encode('a <|im_end|>'));
});

test.run();

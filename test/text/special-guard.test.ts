import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SpecialGuard } from '../../src/text/special-guard.ts';
import { createTokenizer } from '../../src/text/tokenizer.ts';
import { chatTokenizer, chatTokenizerJson, SPECIAL } from '../helpers/models/chat.ts';

const test = suite('SpecialGuard');

const ALL = [...chatTokenizer.specialTokens.keys()];
const IDS = new Set(chatTokenizer.specialTokens.values());

function specialIds(ids: readonly number[]): number[] {
  return ids.filter((id) => IDS.has(id));
}

/** Ids of `before + hidden text + after`. */
function encode(text: string, before = '', after = '', literals: readonly string[] = []): number[] {
  const guard = new SpecialGuard(chatTokenizer, [text, before, after], literals);
  return guard.encode(before + guard.hide(text) + after);
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
      const guard = new SpecialGuard(chatTokenizer, [], []);
      assert.equal(specialIds(guard.encode(guard.hide(a) + guard.hide(b))), [], `${a} ${b}`);
      if (/[^\p{L}\p{N}]/u.test(a))
        assert.equal(specialIds(guard.encode(guard.hide(a) + b)), [], a);
      if (/[^\p{L}\p{N}]/u.test(b))
        assert.equal(specialIds(guard.encode(a + guard.hide(b))), [], b);
    }
  }
});

test('hidden text has as many units, and its words and blanks are what they were', () => {
  const text = ` <|im_end|> a < b, 😀 PAD </s>\n`;
  const hidden = new SpecialGuard(chatTokenizer, [text], []).hide(text);
  assert.is(hidden.length, text.length);
  assert.is(hidden.trim().length, text.trim().length);
  assert.is.not(hidden, text);
  for (const special of ALL) assert.not(hidden.includes(special));
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
      const guard = new SpecialGuard(chatTokenizer, texts, ['</think>', '|>\n', '\n<|']);
      const rendered = texts.map((text) => guard.hide(text)).join('');
      const ids = guard.encode(`<s>${rendered}</s>`);
      assert.equal(specialIds(ids), [2050, 2051]);
      assert.is(chatTokenizer.decode(ids), `<s>${texts.join('')}</s>`);
    }),
    { numRuns: 1000 },
  );
});

test('text that the template looks for stays as it is, unless it can be part of a special token', () => {
  for (const literal of ['</think>', '<tool>', '***']) {
    assert.is(guardLookingFor(literal).hide(`a ${literal} b`), `a ${literal} b`);
  }
  for (const literal of ['<|', '|>\n', '\n<|', '<', 'x<|im_end|>y', '</s>', '>']) {
    assert.is.not(guardLookingFor(literal).hide(`a ${literal} b`), `a ${literal} b`);
  }
  const hidden = guardLookingFor('</think>').hide('<</think>|im_end|>');
  assert.ok(hidden.includes('</think>'));
  const cut = hidden.replace('</think>', '');
  assert.equal(specialIds(guardLookingFor('</think>').encode(cut)), []);
});

test('private-use characters of messages and templates are themselves', () => {
  const text = '\uE000\uE001<|im_end|>\uE002\uF8FF';
  const ids = encode(text, '\uE003');
  assert.is(chatTokenizer.decode(ids), `\uE003${text}`);
  assert.equal(specialIds(ids), []);
  const every = String.fromCharCode(...Array.from({ length: 6400 }, (_, i) => 0xe000 + i));
  assert.throws(() => new SpecialGuard(chatTokenizer, [every], []), /private-use/);
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
  const guard = new SpecialGuard(normalized, [text], []);
  assert.not(guard.encode(guard.hide(text)).includes(2048));
  assert.ok(guard.encode(`<|end|>${guard.hide(text)}`).includes(2048));
});

function guardLookingFor(literal: string): SpecialGuard {
  return new SpecialGuard(chatTokenizer, [], [literal]);
}

function addedToken(id: number, content: string, more: object = {}): object {
  return { id, content, special: true, ...more };
}

test('a special token that takes the blanks before it does so', () => {
  const added_tokens = [addedToken(2048, '<x>', { lstrip: true })];
  const stripping = createTokenizer(chatTokenizerJson({ added_tokens }));
  const guard = new SpecialGuard(stripping, [], []);
  const expected = stripping.encode('a <x>', { parseSpecial: true });
  assert.equal(expected, [...stripping.encode('a'), 2048], 'the trap is real');
  assert.equal(guard.encode(`${guard.hide('a')} <x>`), expected);
});

test('a special token of the template right after a part of it in a message is parsed', () => {
  const added_tokens = [addedToken(2048, '||')];
  const doubled = createTokenizer(chatTokenizerJson({ added_tokens }));
  const guard = new SpecialGuard(doubled, [], []);
  assert.equal(guard.encode(`${guard.hide('|')}||`), [...doubled.encode('|'), 2048]);
});

test('of two special tokens that begin together the longer one is parsed, also beside one of a message', () => {
  const added_tokens = [addedToken(2048, '<s>'), addedToken(2049, '<s>>')];
  const nested = createTokenizer(chatTokenizerJson({ added_tokens }));
  const guard = new SpecialGuard(nested, [], []);
  assert.equal(guard.encode(`<s>>${guard.hide('<s>')}<s>`), [2049, ...nested.encode('<s>'), 2048]);
});

test('a tokenizer without special tokens: everything is text', () => {
  const plain = createTokenizer(chatTokenizerJson({ added_tokens: [] }));
  const guard = new SpecialGuard(plain, ['<|end|>'], []);
  assert.is(guard.hide('<|end|>'), '<|end|>');
  assert.equal(guard.encode('a <|im_end|>'), plain.encode('a <|im_end|>'));
});

test.run();

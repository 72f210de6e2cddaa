import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TextTokenizer } from '../../src/text/tokenizer.ts';
import { TextStream } from '../../src/generate/text-stream.ts';
import { byteTokenizer, END_ID } from '../helpers/models/byte-tokenizer.ts';

const test = suite('TextStream');

function stream(tokenizer: TextTokenizer, ids: readonly number[]): string[] {
  const decoder = new TextStream(tokenizer);
  return [...ids.map((id) => decoder.push(id)), decoder.flush()];
}

test('any bytes, valid or not, stream to what they decode to in one go', () => {
  const awkward = fc.constantFrom(0x41, 0x80, 0xbf, 0xc3, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xef, 0xbd);
  fc.assert(
    fc.property(fc.array(awkward, { maxLength: 120 }), (ids) => {
      assert.is(stream(byteTokenizer, ids).join(''), byteTokenizer.decode(ids));
    }),
    { numRuns: 3000 },
  );
});

test('a 4-byte character comes whole with its last byte, at every split', () => {
  const ids = byteTokenizer.encode('a😀b');
  assert.equal(stream(byteTokenizer, ids), ['a', '', '', '', '😀', 'b', '']);
});

test('an unfinished character becomes U+FFFD at the end, once', () => {
  const ids = byteTokenizer.encode('é😀').slice(0, -1);
  assert.equal(stream(byteTokenizer, ids), ['', 'é', '', '', '', '\ufffd']);
});

test('special tokens have no text and do not break a character', () => {
  const ids = byteTokenizer.encode('é');
  const many = Array.from<number>({ length: 40 }).fill(END_ID);
  assert.is(stream(byteTokenizer, [...many, ids[0]!, ...many, ids[1]!]).join(''), 'é');
});

test('decodes at most 17 tokens at a time, however long the text', () => {
  let longest = 0;
  const counting: TextTokenizer = {
    ...byteTokenizer,
    decode(ids, options) {
      longest = Math.max(longest, ids.length);
      return byteTokenizer.decode(ids, options);
    },
  };
  const text = 'é\ufffd€😀'.repeat(300);
  assert.is(stream(counting, byteTokenizer.encode(text)).join(''), text);
  stream(counting, Array.from<number>({ length: 500 }).fill(0x80));
  assert.ok(longest <= 17, String(longest));
});

/** Ids 0 … 255 are bytes, 256 … are words as SentencePiece has them; bytes of an error are U+FFFD each. */
const WORDS = ['▁Once', '▁there', '▁', 'a', '▁▁', '\u2581é'];
const sentencePiece: TextTokenizer = {
  vocabSize: 300,
  specialTokens: new Map([['<s>', 299]]),
  addedTokens: [],
  startIds: [299],
  encode: () => [],
  pieces: () => [],
  decode(ids, { skipSpecial = false, after = [] } = {}) {
    const isShown = (id: number) => id !== 299 || !skipSpecial;
    let text = '';
    let bytes: number[] = [];
    const end = () => {
      const run = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
      text += run.includes('\ufffd') ? '\ufffd'.repeat(bytes.length) : run;
      bytes = [];
    };
    for (const id of ids.filter(isShown)) {
      if (id < 256) {
        bytes.push(id);
        continue;
      }
      end();
      text += id === 299 ? '<s>' : WORDS[id - 256]!.replaceAll('▁', ' ');
    }
    end();
    return after.some(isShown) ? text : text.replace(/^ /, '');
  },
};

test('words that begin with a space: a stream is its part of the whole, wherever it begins', () => {
  const euro = [0xe2, 0x82, 0xac];
  const piece = fc.oneof(
    fc.constantFrom(...WORDS.keys()).map((word) => [256 + word]),
    fc.constantFrom(euro, [299], [0x41]),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.array(piece, { maxLength: 40 }),
      (first, second) => {
        const [before, ids] = [first.flat(), second.flat()];
        const options = { skipSpecial: true };
        const decoder = new TextStream(sentencePiece, before);
        const text = ids.map((id) => decoder.push(id)).join('') + decoder.flush();
        const whole = sentencePiece.decode([...before, ...ids], options);
        assert.is(sentencePiece.decode(before, options) + text, whole);
      },
    ),
    { numRuns: 2000 },
  );
});

test('an unfinished character waits, though each of its bytes is U+FFFD so far', () => {
  const ids = [0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80];
  assert.equal(stream(sentencePiece, ids), ['', '', '€', '', '', '', '😀', '']);
  assert.equal(stream(sentencePiece, [0xe2, 0x82]), ['', '', '\ufffd\ufffd']);
});

test.run();

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StopFilter } from '../../src/generate/stop.ts';

const test = suite('StopFilter');

/** What must come out of a whole text: all before the match that is complete first. */
function expected(text: string, stops: readonly string[]): string {
  for (let end = 1; end <= text.length; end++) {
    const matches = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (matches.length > 0) return text.slice(0, end - Math.max(...matches.map((m) => m.length)));
  }
  return text;
}

function run(pieces: readonly string[], stops: readonly string[]): string {
  const filter = new StopFilter(stops);
  let out = '';
  for (const piece of pieces) {
    const { text, isStopped } = filter.push(piece);
    out += text;
    if (isStopped) return out;
  }
  return out + filter.flush();
}

test('a stop string cut at every pair of points is found and never leaks', () => {
  const text = 'one <stop> two';
  for (let i = 0; i <= text.length; i++) {
    for (let j = i; j <= text.length; j++) {
      const pieces = [text.slice(0, i), text.slice(i, j), text.slice(j)];
      assert.is(run(pieces, ['<stop>']), 'one ', `${i},${j}`);
    }
  }
});

test('any text, any stops, any pieces: same as matching the whole text', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(word), fc.array(word, { maxLength: 4 }), (pieces, stops) => {
      assert.is(run(pieces, stops), expected(pieces.join(''), stops));
    }),
    { numRuns: 2000 },
  );
});

test('only what may begin a stop string is held back', () => {
  const filter = new StopFilter(['\n\nQ:']);
  assert.equal(filter.push('abc\n'), { text: 'abc', isStopped: false });
  assert.equal(filter.push('d'), { text: '\nd', isStopped: false });
  assert.equal(filter.push('\n\n\n'), { text: '\n', isStopped: false });
  assert.is(filter.flush(), '\n\n');
  assert.is(filter.flush(), '');
});

test('without stop strings text passes at once', () => {
  assert.equal(new StopFilter([]).push('abc'), { text: 'abc', isStopped: false });
});

/** Pushes texts, and special tokens by their ids. */
function runTokens(
  tokens: readonly (string | number)[],
  stops: readonly string[],
  specials: Record<string, number>,
): string {
  const filter = new StopFilter(stops, new Map(Object.entries(specials)));
  let out = '';
  for (const token of tokens) {
    const { text, isStopped } = filter.push(
      typeof token === 'string' ? token : filter.markOf(token),
    );
    out += text;
    if (isStopped) return `${out}$`;
  }
  return out + filter.flush();
}

test('the text of a special token in a stop string stands for the token, which is never shown', () => {
  const specials = { '<end>': 1, '<e': 2, 'x<end>x': 3, '<other>': 4 };
  for (const [stop, tokens, shown] of [
    ['<end>', ['a', 1, 'b'], 'a$'],
    ['<end>', ['a<e', 'nd>', 'b'], 'a$'],
    ['<end>', ['a', 2, 'nd>', 3, 4, 'b'], 'and>b'],
    ['\n<end>', ['a\n', 1, 'b'], 'a$'],
    ['\n<end>', ['a', 1, '\n', 'b'], 'a\nb'],
    ['<end>\n', ['a', 1, 'b', 1, '\nc'], 'ab$'],
    ['a<end>b<end>', ['xa', 1, 'b', 1], 'x$'],
    ['x<end>x', ['ax', 1, 'x', 3], 'axx$'],
    ['end', ['a', 1, 'b', 'en', 'd'], 'ab$'],
    ['<end>', ['𐀀', 'b', '😀', 1], '𐀀b😀$'],
    ['b<end>', ['b', '𐀀', 'b', 1], 'b𐀀$'],
    ['<end>', ['a', 1, 1], 'a$'],
  ] as const) {
    assert.is(runTokens(tokens, [stop], specials), shown, `${stop}: ${tokens.join('|')}`);
  }
});

test.run();

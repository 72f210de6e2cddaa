import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { print, withoutControls } from '../../../src/cli/terminal/output.ts';
import { Transcript } from '../../../src/cli/terminal/output.ts';
import { fakeHost } from '../../helpers/fakes/fake-host.ts';

const HOSTILE = 'a\u001B[31mred\u001B[0m\u001B]0;title\u0007b\r\b\u007F\u009B2Jc\td\ne\u0000';

const test = suite('terminal');

test('withoutControls() leaves text, tabs and line breaks', () => {
  const clean = withoutControls(HOSTILE);
  assert.match(clean, /^ared/);
  assert.match(clean, /c\td\ne$/);
  assert.not.match(clean, /title|\[31m/);
  assert.is(withoutControls('Grüße, 世界 👩‍👩‍👧\n'), 'Grüße, 世界 👩‍👩‍👧\n');
});

test('withoutControls() leaves no control character of any text, however it is cut', () => {
  const unit = fc.oneof(
    fc.constantFrom('\u001B', '[', ']', '2', 'J', '\u009B', '\u0007', '\\', 'x', '\n', '\t'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(unit), fc.array(unit), (a, b) => {
      const shown = withoutControls(a.join('')) + withoutControls(b.join(''));
      assert.not.match(shown.replaceAll(/[\t\n]/g, ''), /\p{Cc}/u);
    }),
  );
});

test('print() changes nothing on a pipe', () => {
  const pipe = fakeHost();
  const terminal = fakeHost({ isTTY: true });
  print(pipe.stdout, HOSTILE);
  print(terminal.stdout, HOSTILE);
  assert.is(pipe.out(), HOSTILE);
  assert.is(terminal.out(), withoutControls(HOSTILE));
});

test('Transcript ends the line that it has begun, once', () => {
  assert.is(ended('a', 'b', ''), 'ab\n');
  assert.is(ended('a\n', ''), 'a\n');
  assert.is(ended('', ''), '');
});

test.run();

function ended(...pieces: string[]): string {
  const host = fakeHost();
  const transcript = new Transcript(host.stdout);
  for (const piece of pieces) transcript.add(piece);
  transcript.end();
  transcript.end();
  return host.out();
}

import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inUnicodeForm, withMarksInOrder } from '../../../src/text/tokenizer/steps/unicode-form.ts';

const test = suite('inUnicodeForm()');

const FORMS = ['NFC', 'NFD', 'NFKC', 'NFKD'] as const;
/** Classes 230, 220, 1, 202, 240, 8, 10, 0, 0, two marks in one, and letters that become marks. */
const MARKS =
  '\u0301\u0308\u0323\u0334\u0327\u0345\u3099\u05b0\u0903\u0e31\u0344\uff9e\uff9f\u{1d165}';

test('runs of marks of any classes are what the engine makes of them', () => {
  const run = fc.string({ unit: fc.constantFrom(...MARKS), minLength: 60, maxLength: 150 });
  const text = fc.array(fc.tuple(fc.constantFrom('e', 'é', 'が', 'ｶ', ' ', ''), run), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(text, fc.constantFrom(...FORMS), (parts, form) => {
      const whole = parts.flat().join('');
      assert.is(inUnicodeForm(whole, form), whole.normalize(form));
    }),
    { numRuns: 400 },
  );
});

test('the engine is given a long run in order, so that it moves no mark', () => {
  for (const form of FORMS) {
    const text = withMarksInOrder(`e${'\u0301\u0323'.repeat(2 ** 12)}x`, form);
    assert.ok(text === `e${'\u0323'.repeat(2 ** 12)}${'\u0301'.repeat(2 ** 12)}x`, form);
  }
});

test.run();

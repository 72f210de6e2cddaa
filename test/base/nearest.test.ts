import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nearest } from '../../src/base/nearest.ts';

const test = suite('nearest()');
const KNOWN = ['topK', 'topP', 'maxTokens', 'temperature'];

test('finds the word up to three edits away, and no other', () => {
  assert.is(nearest('temprature', KNOWN), 'temperature');
  assert.is(nearest('temperaxyz', KNOWN), undefined); // four edits
  assert.is(nearest('temperatxyz', KNOWN), 'temperature'); // three
  assert.is(nearest('', KNOWN), undefined);
  assert.is(nearest('foo', ['stop']), undefined); // three of four letters
  assert.is(nearest('topK', []), undefined);
});

test('ignores case and separators', () => {
  assert.is(nearest('MAX_TOKENS', KNOWN), 'maxTokens');
  assert.is(nearest('top-p', KNOWN), 'topP');
});

test('takes the nearer of two, the first of equals', () => {
  assert.is(nearest('topp', KNOWN), 'topP');
  assert.is(nearest('topX', KNOWN), 'topK');
});

test('answers within 50 ms for a word of a million characters', () => {
  const started = performance.now();
  assert.is(nearest('x'.repeat(1e6), KNOWN), undefined);
  assert.ok(performance.now() - started < 50);
});

test.run();

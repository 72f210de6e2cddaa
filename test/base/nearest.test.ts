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

test('compares only the beginning of a long word', () => {
  assert.is(nearest('temperature'.padEnd(40, '-') + 'x'.repeat(1e6), KNOWN), 'temperature');
  assert.is(nearest('temperature'.padEnd(39, '-') + 'x'.repeat(1e6), KNOWN), 'temperature');
  assert.is(nearest('temperature'.padEnd(36, '-') + 'x'.repeat(1e6), KNOWN), undefined);
});

test.run();

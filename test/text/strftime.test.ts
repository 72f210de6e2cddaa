import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { strftime } from '../../src/text/strftime.ts';

const test = suite('strftime()');

test('writes a local time in English, two digits where C does', () => {
  const time = new Date(2026, 1, 3, 4, 5, 6);
  assert.is(strftime(time, '%Y-%m-%d %H:%M:%S'), '2026-02-03 04:05:06');
  assert.is(strftime(time, '%d %B %Y, %b, %A, %a'), '03 February 2026, Feb, Tuesday, Tue');
});

test('100% is an escape, an unknown field and a lone percent sign stay', () => {
  assert.is(strftime(new Date(2026, 11, 25), '100%% %q %'), '100% %q %');
  assert.is(strftime(new Date(2026, 11, 25), '%d%m'), '2512');
});

test.run();

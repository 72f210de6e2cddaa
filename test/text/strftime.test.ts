import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { strftime } from '../../src/text/strftime.ts';

const test = suite('strftime()');

test('writes a local time in English, two digits where C does', () => {
  const time = new Date(2026, 1, 3, 4, 5, 6);
  assert.is(strftime(time, '%Y-%m-%d %H:%M:%S'), '2026-02-03 04:05:06');
  assert.is(strftime(time, '%d %B %Y, %b, %A, %a'), '03 February 2026, Feb, Tuesday, Tue');
});

test('whole dates, weeks and hours, with flags', () => {
  const time = new Date(2026, 6, 4, 15, 6, 7);
  const fields: [string, string][] = [
    ['%F %T|%D|%R|%r|%x %X', '2026-07-04 15:06:07|07/04/26|15:06|03:06:07 PM|07/04/26 15:06:07'],
    ['%c', 'Sat Jul  4 15:06:07 2026'],
    ['%-d/%-m/%y %-I%P', '4/7/26 3pm'],
    ['%e|%_m|%^a|%3d|%k|%l', ' 4| 7|SAT|004|15| 3'],
    ['%j %U %W %V %G %g %u %w', '185 26 26 27 2026 26 6 6'],
    ['%f|%Z|%z|%n|%t|%C', '000000|||\n|\t|20'],
  ];
  for (const [format, text] of fields) assert.is(strftime(time, format), text);
  assert.is(strftime(new Date(2027, 0, 1), '%G-%V %U %j %p %I'), '2026-53 00 001 AM 12');
});

test('100% is an escape, an unknown field and a lone percent sign stay', () => {
  assert.is(strftime(new Date(2026, 11, 25), '100%% %q %'), '100% %q %');
  assert.is(strftime(new Date(2026, 11, 25), '%d%m'), '2512');
});

test.run();

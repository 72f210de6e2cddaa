import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTemplate } from '../../helpers/fakes/template.ts';
import { refused } from '../../helpers/checks/refused.ts';

const TEXT = 'ab \n'.repeat(1024);
/** Of characters that are two units each: some operations go another way. */
const PAIRS = 'é😀 '.repeat(1024);
const LIMIT = 65_536;

/** What goes through a whole text `s`, or a list `l` of as many items. */
const DEAR = [
  ...'upper() lower() capitalize() title() strip(s) lstrip(s) rstrip(s) strip() split() split("b") rsplit(none,1) splitlines() replace("b","c") replace("","c") startswith(s) endswith(s) removeprefix("b") removesuffix("b") find("zz") rfind("zz") count("zz") count("") partition("zz") rpartition("zz") zfill(9) center(9) isdigit() isalpha() isalnum() isspace() isupper() islower()'
    .split(' ')
    .map((call) => `s.${call}`),
  ...'upper lower capitalize title trim trim(s) string~s escape replace("b","c") indent truncate(9) wordcount length list reverse first last tojson sort unique|list map("upper")|list select|list batch(9)|list slice(9)|list min max int float'
    .split(' ')
    .map((filter) => `s|${filter}`),
  's ~ "a"',
  's + "a"',
  's * 2',
  '[s] | string',
  's[1:]',
  's[::-1]',
  's == s ~ ""',
  's < s ~ ""',
  '"zz" in s',
  's is lower',
  's is in(t)',
  '{"a": s} | tojson',

  'p.strip(p)',
  'p[1:]',
  'p[-1]',
  'p | length',
  'p.find("zz")',
  'p | list',
  'p.replace("", "c")',
  ...'list sort reverse|list last first join map("string")|list select("odd")|list groupby("a",default=0) sum min max batch(9)|list slice(9)|list tojson string unique|list'
    .split(' ')
    .map((filter) => `l|${filter}`),
  ...'l+l|l*2|l[1:]|l==l[:]|-1 in l|l.index(-1) if false else l.count(-1)|l.copy()|range(9999)|d.items()|d.keys()|d.values()|d.copy()|dict(d)|d==d.copy()'
    .split('|')
    .filter((part) => part !== ''),
];

const test = suite('what a template does with long values costs steps');

for (const operation of new Set(DEAR)) {
  test(`${operation}: a loop of it ends at the limit`, async () => {
    const source = `{% set t = [s ~ 'x', 'y'] %}{% set l = range(9999) | list %}{% for i in range(10000) %}{% set x = ${operation} %}{% endfor %}`;
    const d = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, null]));
    const render = () => compileTemplate(source).render({ s: TEXT, p: PAIRS, d }, LIMIT);
    await refused(render, 'CHAT_TEMPLATE_INVALID', operation, /took more than \d+ steps/);
  });
}

test('what does not depend on the length costs little', () => {
  const cheap =
    's|s.upper|s.nothing|[s]|s is string|s is sequence|s if s|l|[l]|l[0]|d.k1|d.items'.split('|');
  for (const operation of [...cheap, 'l | length', 's | default("")']) {
    const source = `{% set l = range(9999) | list %}{% for i in range(9999) %}{% set x = ${operation} %}{% endfor %}`;
    const text = compileTemplate(source).render({ s: TEXT, d: { k1: 1 } }, LIMIT);
    assert.is(text, '', operation);
  }
});

test.run();

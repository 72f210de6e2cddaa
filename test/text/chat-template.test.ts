import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileChatTemplate } from '../../src/text/chat-template.ts';
import { CANARY, refused } from '../helpers/checks/refused.ts';

const test = suite('compileChatTemplate()');

const LIMIT = 65_536;

function render(source: string, variables: Record<string, unknown> = {}): string {
  return compileChatTemplate(source).render(variables, LIMIT);
}

test('blocks take the line break after them and the spaces before, as transformers reads them', () => {
  const source = '{% if true %}\n  a\n  {% endif %}\nb\n{# none #}\n{{ x }}\n';
  assert.is(render(source, { x: 1 }), '  a\nb\n1');
});

test('variables, loops, conditions, macros, namespaces, slices, filters', () => {
  const source = `{%- macro turn(m) %}{{ m.role | upper }}: {{ m['content'] | trim }};{% endmacro %}
{%- set ns = namespace(count=0) %}
{%- for m in messages[1:] if m.role != 'tool' %}{{ turn(m) }}{% set ns.count = ns.count + 1 %}{% endfor %}
{{- ns.count }}{{ range(3) | list }}{{ missing is defined }}{{ none is none }}`;
  const messages = ['system', 'user', 'tool', 'assistant'].map((role) => ({
    role,
    content: ' x ',
  }));
  assert.is(render(source, { messages }), 'USER: x;ASSISTANT: x;2[0, 1, 2]falsetrue');
});

test('range() is that of Python, up to 65,536 numbers', () => {
  const ranges: [string, string][] = [
    ['range(0)', '[]'],
    ['range(2, 5)', '[2, 3, 4]'],
    ['range(5, 2)', '[]'],
    ['range(5, 0, -2)', '[5, 3, 1]'],
    ['range(0, 5, 2)', '[0, 2, 4]'],
    ['range(65000)[-1]', '64999'],
  ];
  for (const [source, expected] of ranges) assert.is(render(`{{ ${source} }}`), expected, source);
});

test('literals are the text constants of the code', () => {
  const { literals } = compileChatTemplate(
    `<a>{{ '<b>' ~ x["</c>"] }}{# '<d>' #}{% if '\\n<e' %}{% endif %}`,
  );
  assert.equal(literals, ['<b>', '</c>', '\n<e']);
});

test('the same template renders again and again, without a trace of the last time', () => {
  const template = compileChatTemplate(
    '{% set seen = x if seen is not defined else "old" %}{{ seen }}',
  );
  assert.is(template.render({ x: 'a' }, LIMIT), 'a');
  assert.is(template.render({ x: 'b' }, LIMIT), 'b');
});

test('strftime_now() writes the date of today', () => {
  const years = [new Date().getFullYear()];
  const year = Number(render('{{ strftime_now("%Y") }}'));
  assert.ok([...years, new Date().getFullYear()].includes(year));
});

/** n times `part(i)`. */
function repeat(n: number, part: (i: number) => string): string {
  return Array.from({ length: n }, (_, i) => part(i)).join('');
}

const long =
  '{% set ns = namespace(s="a ") %}{% for i in range(14) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}';

const HOSTILE: Record<string, string> = {
  'text that is no template': `{{ ${CANARY}`,
  'an unknown statement': `{% ${CANARY} %}`,
  'an unknown filter': `{{ "a" | ${CANARY} }}`,
  'a call of nothing': `{{ ${CANARY}() }}`,
  'the first of nothing': '{{ [] | first }}',
  'raise_exception()': `{{ raise_exception('${CANARY}' ~ messages[0].content) }}`,
  'a range of 10^9': '{% for i in range(1000000000) %}{% endfor %}',
  'a range of 65,537': '{{ range(65537) }}',
  'a range without a step': '{{ range(0, 9, 0) }}',
  'a range of NaN': '{{ range("a") }}',
  'loops of 4 * 10^9 steps':
    '{% for i in range(60000) %}{% for j in range(60000) %}{% endfor %}{% endfor %}',
  'loops over one list':
    '{% set r = range(60000) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}',
  'loops with a condition':
    '{% set r = range(60000) %}{% for i in r %}{% for j in r if j < 0 %}{% endfor %}{% endfor %}',
  'text that doubles 100 times':
    '{% set ns = namespace(s="a") %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}',
  'lists of lists, 60 deep':
    repeat(60, (i) => (i ? `{% set a${i} = [a${i - 1}, a${i - 1}] %}` : '{% set a0 = ["x"] %}')) +
    '{{ a59 }}',
  'objects of objects, 60 deep':
    repeat(60, (i) =>
      i ? `{% set a${i} = {"x": a${i - 1}, "y": a${i - 1}} %}` : '{% set a0 = "x" %}',
    ) + '{{ a59 | tojson }}',
  'namespaces in lists':
    repeat(60, (i) => `{% set n${i} = namespace() %}`) +
    repeat(59, (i) => `{% set n${i}.a = [n${i + 1}, n${i + 1}] %}`) +
    '{{ n0 }}',
  'namespaces in namespaces':
    repeat(60, (i) => `{% set n${i} = namespace() %}`) +
    repeat(59, (i) => `{% set n${i}.a = n${i + 1} %}{% set n${i}.b = n${i + 1} %}`) +
    '{{ n0 | tojson }}',
  'a macro without an end': '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  'a macro of 2^60 calls':
    '{% macro f(x) %}{% if x > 0 %}{{ f(x - 1) }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
  '60,000 brackets': `{{ ${'('.repeat(60_000)}1${')'.repeat(60_000)} }}`,
  '8,000 conditions': '{% if true %}'.repeat(8000) + '{% endif %}'.repeat(8000),
  '10^5 blanks': `${'\n'.repeat(100_000)}{% if true %}{% endif %}`,
  'text that is gone through again and again': `${long}{% for i in range(60000) %}{% set x = ns.s | upper %}{% endfor %}`,
  'words that are split again and again': `${long}{% for i in range(60000) %}{% set x = ns.s.split(" ") %}{% endfor %}`,
  'lists that are sorted again and again':
    '{% for i in range(60000) %}{% set x = range(60000) | sort %}{% endfor %}',
  'an indent of 500 MB': '{{ "a\\nb" | indent(500000000) }}',
  'a replacement that gives 2 GB': `${long}{{ ns.s | replace("a", ns.s) | replace("a", ns.s) }}`,
  'more text than the limit': `${long}{{ ns.s }}{{ ns.s }}{{ ns.s }}`,
};

for (const [label, source] of Object.entries(HOSTILE)) {
  test(`${label}: CHAT_TEMPLATE_INVALID that quotes nothing`, async () => {
    const variables = { messages: [{ role: 'user', content: CANARY }] };
    await refused(() => render(source, variables), 'CHAT_TEMPLATE_INVALID', label);
  });
}

test('numbers and depth have bounds of their own, before memory or the stack is full', async () => {
  const bounds: [string, RegExp][] = [
    ['an indent of 500 MB', /made a number above 16777216/],
    ['a macro without an end', /nests more than 400 levels/],
  ];
  for (const [label, message] of bounds) {
    const error = await refused(() => render(HOSTILE[label]!), 'CHAT_TEMPLATE_INVALID');
    assert.match(error.message, message);
  }
});

test('a thousand messages, and text of half the limit, are far from every bound', () => {
  const source = `{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('') }}{% endif %}{{ '<' ~ m['role'] ~ '>' + m['content'] | trim + '</s>' }}{% endfor %}`;
  const messages = Array.from({ length: 1000 }, (_, i) => ({
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: 'word '.repeat(6),
  }));
  assert.ok(render(source, { messages }).length > 30_000);
});

test.run();

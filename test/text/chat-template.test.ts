import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTemplate } from '../helpers/fakes/template.ts';
import { CANARY, refused } from '../helpers/checks/refused.ts';

const test = suite('compileChatTemplate()');

const LIMIT = 65_536;

function render(source: string, variables: Record<string, unknown> = {}): string {
  return compileTemplate(source).render(variables, LIMIT);
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
  assert.is(render(source, { messages }), 'USER: x;ASSISTANT: x;2[0, 1, 2]FalseTrue');
});

test('literals are the text constants of the code', () => {
  const { literals } = compileTemplate(
    `<a>{{ '<b>' ~ x["</c>"] }}{# '<d>' #}{% if '\\n<e' %}{% endif %}`,
  );
  assert.equal(literals, ['<b>', '</c>', '\n<e']);
});

test('the same template renders again and again, without a trace of the last time', () => {
  const template = compileTemplate(
    '{% set seen = x if seen is not defined else "old" %}{{ seen }}',
  );
  assert.is(template.render({ x: 'a' }, LIMIT), 'a');
  assert.is(template.render({ x: 'b' }, LIMIT), 'b');
});

test('strftime_now() writes the date of today, or the one that is given', () => {
  const years = [new Date().getFullYear()];
  const source = '{{ strftime_now("%Y") }}';
  assert.ok([...years, new Date().getFullYear()].includes(Number(render(source))));
  assert.is(compileTemplate(source).render({}, LIMIT, new Date(1999, 1, 1)), '1999');
});

test('raise_exception() tells its text, printable and short', async () => {
  const error = await refused(() => raised('"system"\n'), 'CHAT_TEMPLATE_INVALID');
  assert.is(
    error.message,
    'the chat template refuses these messages: No \\u0022system\\u0022\\u000a (line 1); change the messages, or pass another as "chatTemplate"',
  );
  const long = await refused(() => raised('x'.repeat(5000)), 'CHAT_TEMPLATE_INVALID');
  assert.ok(long.message.length < 400);
});

test('a refusal says in which line', async () => {
  const wrong: [string, RegExp][] = [
    ['\n{{ 1 + "a" }}', /expected .* for "\+", got an integer and a string \(line 2\)/],
    ['\n\n{% if %}', /expected an expression in line 3; pass another as "chatTemplate"$/],
    ['{% for x in y %}', /expected "endfor" at its end/],
    ['{{ x | wordwrap(3) }}', /uses a filter "wordwrap", which is not supported \(line 1\)/],
    ['{% include "x" %}', /expected no statement "include", which is not supported, in line 1/],
    ['{{ 2 ** 53 }}', /an integer beyond 2\^53, which is not supported/],
  ];
  for (const [source, message] of wrong) {
    await refused(() => render(source), 'CHAT_TEMPLATE_INVALID', message);
  }
});

test('integers are exact up to 2^53; of those beyond, a variable is refused too', async () => {
  const { MAX_SAFE_INTEGER } = Number;
  assert.is(
    render('{{ x }}{{ x - 1 }}', { x: MAX_SAFE_INTEGER }),
    '90071992547409919007199254740990',
  );
  const beyond = { x: MAX_SAFE_INTEGER + 1 };
  await refused(() => render('{{ x }}', beyond), 'CHAT_TEMPLATE_INVALID', /beyond 2\^53/);
});

test('a field that is undefined is left out, null is none, 1.5 is a float and 1 is not', () => {
  const source = '{{ a is defined }}{{ m }}{{ m.x is defined }}';
  assert.is(
    render(source, { a: undefined, m: { x: undefined, y: null, z: [1, 1.5] } }),
    "False{'y': None, 'z': [1, 1.5]}False",
  );
});

test('private-use characters, which stand for others in messages, are not escaped', () => {
  assert.is(render('{{ [x] }}', { x: '\uE000\u200B' }), "['\uE000\\u200b']");
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
  'a range of 10^9': '{% for i in range(1000000000) %}{% endfor %}',
  'a range of 100,001': '{{ range(100001) }}',
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
    ['an indent of 500 MB', /made a text of more than 65536 characters/],
    ['a macro without an end', /nests more than 400 levels/],
    ['60,000 brackets', /has more than 32768 tokens/],
    ['loops over one list', /took more than 131072 steps/],
  ];
  for (const [label, message] of bounds) {
    const error = await refused(() => render(HOSTILE[label]!), 'CHAT_TEMPLATE_INVALID');
    assert.match(error.message, message);
  }
});

test('the steps grow with the messages, up to a bound, and not with the length that is allowed', async () => {
  const few = await stepsOf(['Hi'], LIMIT);
  assert.is(await stepsOf(['Hi'], 2 ** 40), few);
  assert.is(await stepsOf(['Hi', 'x'.repeat(1000)], LIMIT), few + 512 + 8 * 1000);
  assert.is(
    await stepsOf(
      Array.from({ length: 30_000 }, () => 'Hi'),
      LIMIT,
    ),
    2 ** 23,
  );
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

function raised(text: string): string {
  return render('{{ raise_exception("No " ~ text) }}', { text });
}

/** The limit that a template without an end runs into. */
async function stepsOf(messages: unknown, maxLength: number): Promise<number> {
  const template = compileTemplate(HOSTILE['loops over one list']!);
  const error = await refused(
    () => template.render({ messages }, maxLength),
    'CHAT_TEMPLATE_INVALID',
  );
  return Number(/more than (\d+) steps/.exec(error.message)![1]);
}

import type { Draw } from '../draw.ts';

/** Shapes of published templates, to be changed. */
const PUBLISHED = [
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  "{{- bos_token }}{%- for m in messages %}{{- '<|start_header_id|>' ~ m.role ~ '<|end_header_id|>\\n\\n' ~ m.content | trim ~ '<|eot_id|>' }}{%- endfor %}",
  "{%- set ns = namespace(n=0) %}{%- for m in messages if m.role != 'system' %}{%- set ns.n = ns.n + 1 %}{{ ns.n }}{{ m.content.split('</think>')[-1] }}{%- endfor %}",
  '{%- macro turn(m) %}{{ m.role | upper }}: {{ m.content }}{% endmacro %}{%- for m in messages %}{{ turn(m) }}{% endfor %}',
  "{%- if tools %}{{ tools | tojson(indent=2) }}{% endif %}{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}",
];
const NAMES =
  'messages messages m m x x s ns tools bos_token m.role m.content ns.n missing loop.index'.split(
    ' ',
  );
/** Of several kinds, one of them at the edge of what numbers can be. */
const CONSTANTS = [
  ...'0 1 (-1) 3 2.5 true none [] {}'.split(' '),
  "''",
  "'a'",
  "' a b '",
  '"<|x|>"',
  "['b', 'a']",
  "{'k': 1}",
  "'a\\n' * 3",
  '1e9',
];
const ODD_CONSTANTS = [
  '9007199254740993',
  '2 ** 62',
  "'a' * 70000",
  'range(9)',
  '0.1 + 0.2',
  "'é😀'",
];
const FILTERS =
  'trim upper lower length first last list join tojson string int float default("d") replace("a","bb") sort reverse items selectattr("role") map(attribute="role") indent(4) capitalize title abs unique dictsort safe e escape batch(2) sum min max rejectattr("role","equalto","user") truncate(5) wordcount random'.split(
    ' ',
  );
const METHODS =
  'strip() lstrip("a") rstrip() split("a") split() upper() lower() startswith("a") endswith("b") replace("a","aa") items() keys() values() get("k") title() capitalize() join(["a","b"]) find("a") format(1) append(1) count("a") isdigit() splitlines()'.split(
    ' ',
  );
const TESTS =
  'defined undefined none string number mapping iterable sequence odd even true false boolean integer in([1]) equalto(1) callable lower divisibleby(2)'.split(
    ' ',
  );
const OPERATORS = [
  '+',
  '-',
  '*',
  '/',
  '//',
  '%',
  '~',
  '==',
  '!=',
  '<',
  '>=',
  'and',
  'or',
  'in',
  'not in',
  '**',
];

const CALLS = ['range', 'namespace', 'dict', 'raise_exception', 'strftime_now', 'f'];
const ODD_STATEMENTS = [
  'break',
  'continue',
  'endfor',
  'generation',
  'raw',
  'set x',
  'call f()',
  '',
];

/** A template that reads messages: statements around expressions, or one in use with a change. */
export function drawTemplate(draw: Draw): string {
  if (draw.chance(0.15)) {
    const published = draw.pick(PUBLISHED);
    if (draw.chance(0.2)) return published;
    const at = draw.integer(0, published.length);
    const end = draw.chance(0.5) ? at : draw.integer(at, published.length);
    return published.slice(0, at) + part(draw, 1) + published.slice(end);
  }
  return body(draw, draw.integer(1, 3));
}

function body(draw: Draw, depth: number): string {
  const count = draw.integer(1, draw.chance(0.9) ? 3 : 8);
  return Array.from({ length: count }, () => part(draw, depth)).join('');
}

function part(draw: Draw, depth: number): string {
  if (draw.chance(0.02)) return `{% ${draw.pick(ODD_STATEMENTS)} %}`;
  const [open, close] = [draw.pick(['{%', '{%-']), draw.pick(['%}', '-%}'])];
  const value = (): string => expression(draw, draw.integer(0, 3));
  const block = (begin: string, end: string): string =>
    `${open} ${begin} ${close}${depth > 0 ? body(draw, depth - 1) : 'x'}${open} ${end} ${close}`;
  return draw.pick<() => string>([
    () => draw.text(12),
    () => `{{ ${value()} }}`,
    () => `{{- ${value()} -}}`,
    () => `${open} set ${draw.pick(['x', 's', 'ns.n'])} = ${value()} ${close}`,
    () => `${open} set ns = namespace(n=${value()}) ${close}`,
    () => block(`if ${value()}`, 'endif'),
    () => block(`if ${value()}`, 'else') + `x${open} endif ${close}`,
    () => block(`for m in ${iterable(draw)}`, 'endfor'),
    () => block(`for m in ${iterable(draw)} if ${value()}`, 'endfor'),
    () => block(`macro f(x, s=${value()})`, 'endmacro') + '{{ f(1) }}',
    () => '{# a comment #}',
  ])();
}

function iterable(draw: Draw): string {
  return draw.pick<() => string>([
    () => 'messages',
    () => `range(${draw.pick(['2', '5', '-1', '70', '5000', '10 ** 9'])})`,
    () => `messages[${draw.pick(['1:', ':-1', '::-1', '::2'])}]`,
    () => `'abc'`,
    () => expression(draw, 2),
  ])();
}

function expression(draw: Draw, depth: number): string {
  if (depth === 0) {
    if (draw.chance(0.5)) return draw.pick(NAMES);
    return draw.pick(draw.chance(0.05) ? ODD_CONSTANTS : CONSTANTS);
  }
  const one = (): string => expression(draw, depth - 1);
  return draw.pick<() => string>([
    () => `(${one()} | ${draw.pick(FILTERS)})`,
    () => `(${one()} | ${draw.pick(['string', 'list', 'tojson', 'length'])})`,
    () => `(${one()}).${draw.pick(METHODS)}`,
    () => `(${one()} | string).${draw.pick(METHODS)}`,
    () => `(${one()}).${draw.pick(['role', 'content', 'n', 'k', 'items'])}`,
    () => `(${one()})[${draw.pick(['0', '-1', "'role'", "'content'", '1:', ':2', '::-1', one()])}]`,
    () => `(${one()} ${draw.pick(OPERATORS)} ${one()})`,
    () => `(${one()} is ${draw.pick(['', 'not '])}${draw.pick(TESTS)})`,
    () => `(${one()} if ${one()} else ${one()})`,
    () => `(not ${one()})`,
    () => `[${one()}, ${one()}]`,
    () => `{'k': ${one()}, 'role': ${one()}}`,
    () => `${draw.pick(CALLS)}(${one()})`,
  ])();
}

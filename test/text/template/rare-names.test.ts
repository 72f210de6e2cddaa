import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RARE_GLOBALS } from '../../../src/text/template/rare/globals.ts';
import { LIST_FILTERS } from '../../../src/text/template/rare/list-filters.ts';
import {
  RARE_DICT_METHODS,
  RARE_LIST_METHODS,
} from '../../../src/text/template/rare/list-methods.ts';
import { RARE_LOOP_FIELDS } from '../../../src/text/template/rare/loop-fields.ts';
import { NUMBER_FILTERS } from '../../../src/text/template/rare/number-filters.ts';
import { RARE_STATEMENTS } from '../../../src/text/template/rare/statements.ts';
import { RARE_TESTS } from '../../../src/text/template/rare/tests.ts';
import { TEXT_FILTERS } from '../../../src/text/template/rare/text-filters.ts';
import { RARE_TEXT_METHODS } from '../../../src/text/template/rare/text-methods.ts';
import { namesRare } from '../../../src/text/template/rare-names.ts';

const test = suite('names that few templates have');

/** Each table, and how a template names what is in it. */
const NAMED: readonly [table: object, ...shapes: ((name: string) => string)[]][] = [
  [RARE_STATEMENTS, (name) => `{%- ${name} x %}`, (name) => `{%${name} x %}`],
  [
    { ...LIST_FILTERS, ...NUMBER_FILTERS, ...TEXT_FILTERS },
    (name) => `{{ x|${name} }}`,
    (name) => `{{ x | ${name}(1) }}`,
    (name) => `{{ x | map('${name}') }}`,
  ],
  [RARE_TESTS, (name) => `{{ x | select("${name}", 1) }}`],
  [
    Object.fromEntries(
      Object.keys(RARE_TESTS)
        .filter((name) => /\w/.test(name))
        .map((name) => [name, 0]),
    ),
    (name) => `{{ x is ${name} }}`,
    (name) => `{{ x is not ${name}(1) }}`,
  ],
  [
    { ...RARE_TEXT_METHODS, ...RARE_LIST_METHODS, ...RARE_DICT_METHODS },
    (name) => `{{ x.${name}(1) }}`,
    (name) => `{{ x['${name}'] }}`,
  ],
  [RARE_LOOP_FIELDS, (name) => `{{ loop.${name} }}`, (name) => `{{ outer.${name} }}`],
  [RARE_GLOBALS, (name) => `{% for i in ${name}(3) %}`],
];

test('each is found wherever it can stand', () => {
  for (const [table, ...shapes] of NAMED) {
    for (const name of Object.keys(table)) {
      for (const shape of shapes) assert.ok(namesRare(shape(name)), shape(name));
    }
  }
});

test('what most templates name is no such name', () => {
  const ordinary = [
    "{%- set ns = namespace(call='') %}{% for title in x if title is string %}{% set index = 1 %}",
    "{{ loop.index ~ (title | lower | join(', ')) }}{{ (a | trim).upper() }}it is lowercase",
  ];
  for (const source of ordinary) assert.not(namesRare(source), source);
  const templates = readFileSync(
    new URL('../../fixtures/chat-templates/templates.txt', import.meta.url),
    'utf8',
  ).split('=== ');
  const rare = templates.filter(namesRare).length;
  assert.ok(rare <= templates.length / 4, `${rare} of ${templates.length}`);
});

test.run();

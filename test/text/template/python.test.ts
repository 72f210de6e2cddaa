import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../../src/base/errors.ts';
import { compileTemplate } from '../../helpers/fakes/template.ts';

/** What Python's Jinja2 gives, null where it refuses; render.py wrote it. */
interface Expected {
  readonly templates: Readonly<Record<string, readonly (string | null)[]>>;
  readonly constructs: readonly (string | null)[];
}

interface Constructs {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly sources: readonly string[];
}

const NOW = new Date(2026, 6, 4, 15, 6, 7);
const COMMON = { bos_token: '<s>', eos_token: '</s>', add_generation_prompt: true };
const LIMIT = 65_536;

const expected = read<Expected>('expected.json');
const conversations = read<Record<string, Record<string, unknown>>>('conversations.json');
const constructs = read<Constructs>('constructs.json');
const templates = new Map(
  text('templates.txt')
    .replace(/\n$/, '')
    .split('=== ')
    .slice(1)
    .map((part): [string, string] => {
      const end = part.indexOf('\n');
      return [part.slice(0, end), part.slice(end + 1).replace(/\n$/, '')];
    }),
);

const test = suite('templates render as in Python');

test('the fixtures hold at least 60 templates, 8 conversations and 1,000 constructs', () => {
  assert.ok(templates.size >= 60);
  assert.equal([...templates.keys()], Object.keys(expected.templates));
  assert.is(Object.keys(conversations).length, 8);
  assert.ok(constructs.sources.length >= 1000);
  const texts = Object.values(expected.templates).flat();
  assert.ok(texts.filter((one) => one !== null).length > 400, 'most are not refused');
});

for (const [name, source] of templates) {
  test(`${name}: the same text of each conversation, or a refusal of both`, () => {
    const template = compileTemplate(source);
    Object.entries(conversations).forEach(([conversation, variables], i) => {
      const got = outcome(() => template.render({ ...COMMON, ...variables }, LIMIT, NOW));
      assert.is(got, expected.templates[name]![i], conversation);
    });
  });
}

test('a template of CRLF gives what the same template of LF gives', () => {
  const conversation = { ...COMMON, ...conversations['system and turns'] };
  for (const [name, source] of templates) {
    const render = (lines: string): string | null =>
      outcome(() => compileTemplate(lines).render(conversation, LIMIT, NOW));
    assert.is(render(source.replaceAll('\n', '\r\n')), render(source), name);
  }
});

test('expressions, filters, tests, statements and white space', () => {
  const { sources, variables } = constructs;
  sources.forEach((source, i) => {
    const got = outcome(() => compileTemplate(source).render(variables, LIMIT, NOW));
    assert.is(got, expected.constructs[i], source);
  });
});

test.run();

function text(file: string): string {
  return readFileSync(new URL(`../../fixtures/chat-templates/${file}`, import.meta.url), 'utf8');
}

function read<T>(file: string): T {
  return JSON.parse(text(file)) as T;
}

function outcome(render: () => string): string | null {
  try {
    return render();
  } catch (error) {
    assert.instance(error, TpaError);
    return null;
  }
}

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asksFor, optionName, parseArguments } from '../../src/cli/arguments.ts';
import {
  assignment,
  choice,
  flag,
  integer,
  number,
  repeated,
  text,
} from '../../src/cli/command-spec.ts';
import { UsageError } from '../../src/cli/exit.ts';

const SPEC = {
  name: 'sing',
  about: '',
  operand: { placeholder: 'SONG', about: '', cure: 'sing one at a time' },
  options: {
    outDir: text('DIR', { short: 'o', about: '' }),
    loud: flag(''),
    verses: integer({ short: 'v', about: '', min: 1, fallback: '3' }),
    pitch: number({ about: '', min: 0.5, max: 2, fallback: '1' }),
    key: choice(['major', 'minor'], { about: '', fallback: 'major' }),
    skip: repeated(text('WORD', { about: '' })),
    note: repeated(integer({ about: '', min: 0 })),
    tune: repeated(assignment({ about: '' })),
  },
  notes: [],
};
const BARE = { name: 'rest', about: '', options: { loud: flag('') }, notes: [] };

const parse = (...args: string[]) => parseArguments(SPEC, args);

function refused(args: readonly string[], message: string): void {
  assert.throws(
    () => parse(...args),
    (error: unknown) => {
      assert.instance(error, UsageError);
      assert.is((error as UsageError).message, message);
      return true;
    },
  );
}

const test = suite('parseArguments()');

test('reads every kind of option, before and after the operand', () => {
  assert.equal(
    parse('--loud', '--verses', '2', 'la', '--pitch=1.5', '--key', 'minor', '--out-dir', 'd'),
    { operand: 'la', values: { loud: true, verses: 2, pitch: 1.5, key: 'minor', outDir: 'd' } },
  );
  assert.equal(parse('la'), { operand: 'la', values: {} });
});

test('collects what may be repeated; of the rest the last one counts', () => {
  assert.equal(parse('la', '--skip', 'a', '--skip', 'b', '--verses', '1', '--verses', '9').values, {
    skip: ['a', 'b'],
    verses: 9,
  });
});

test('takes -, a word after -- and a value after = that look like options', () => {
  assert.is(parse('-').operand, '-');
  assert.is(parse('--', '--loud').operand, '--loud');
  assert.equal(parse('la', '--skip=--loud', '--skip', '-x').values, { skip: ['--loud', '-x'] });
});

test('keeps the edges of a range, in any decimal notation', () => {
  assert.is(parse('la', '--pitch', '.5').values.pitch, 0.5);
  assert.is(parse('la', '--pitch', '2.').values.pitch, 2);
  assert.is(parse('la', '--pitch', '+1e0').values.pitch, 1);
  assert.is(parse('la', '--verses', '1').values.verses, 1);
  assert.is(parse('la', '--verses', '9007199254740991').values.verses, 2 ** 53 - 1);
});

test('refuses other numbers, naming what is accepted', () => {
  const words = ['', ' 1', ...'0 -1 1.5 0x10 1e400 Infinity 9007199254740992'.split(' ')];
  for (const word of words) {
    refused(['la', '--verses', word], `"--verses" expected an integer >= 1, got "${word}"`);
  }
  for (const word of ['0.49', '2.01', 'NaN', '1,5', '-1']) {
    refused(['la', '--pitch', word], `"--pitch" expected a number in 0.5..2, got "${word}"`);
  }
  refused(['la', '--key', 'Major'], '"--key" expected major or minor, got "Major"');
});

test('takes a letter for a name, its value after it, after = or in the next word', () => {
  const values = { verses: 2, outDir: 'd' };
  assert.equal(parse('la', '-v', '2', '-o', 'd').values, values);
  assert.equal(parse('la', '-v2', '-od').values, values);
  assert.equal(parse('la', '-v=2', '-o=d').values, values);
  refused(['la', '-v', '0'], '"-v" expected an integer >= 1, got "0"');
  refused(['la', '-o'], '"-o" expected DIR, got nothing');
  refused(
    ['la', '-o', '-v', '2'],
    '"-o" expected DIR, got nothing; --out-dir=... takes "-v" as the value',
  );
});

test('one hyphen before a name is taken for two forgotten, not for letters', () => {
  refused(['la', '-verses', '2'], 'unknown option "-verses", did you mean "--verses"?');
  refused(['la', '-out-dir=d'], 'unknown option "-out-dir", did you mean "--out-dir"?');
  refused(['la', '-loud'], 'unknown option "-loud", did you mean "--loud"?');
});

test('names an unknown option and the nearest known one', () => {
  refused(['la', '--verse', '2'], 'unknown option "--verse", did you mean "--verses"?');
  refused(['la', '--outdir=x'], 'unknown option "--outdir", did you mean "--out-dir"?');
  refused(
    ['la', '-l'],
    'unknown option "-l", expected --out-dir, --loud, --verses, --pitch, --key, --skip, --note, --tune',
  );
  for (const name of ['--__proto__', '--constructor', '--outDir']) {
    assert.throws(() => parse('la', name), /^unknown option/);
  }
});

test('names the one option that a word begins, or that begins it', () => {
  refused(['la', '--ver', '2'], 'unknown option "--ver", did you mean "--verses"?');
  refused(['la', '--lo'], 'unknown option "--lo", did you mean "--loud"?');
  refused(['la', '--keynote', 'minor'], 'unknown option "--keynote", did you mean "--key"?');
});

test('a name and its value: JSON, or else text', () => {
  const words = ['a=1', 'b=', 'c=x=y', 'd={"e":[null]}', 'f=false', 'g=007', '__proto__=1'];
  const { tune } = parse('la', ...words.flatMap((word) => ['--tune', word])).values;
  assert.equal(tune, [
    ['a', 1],
    ['b', ''],
    ['c', 'x=y'],
    ['d', { e: [null] }],
    ['f', false],
    ['g', '007'],
    ['__proto__', 1],
  ]);
  for (const word of ['a', '=1', '']) {
    refused(['la', '--tune', word], `"--tune" expected NAME=VALUE, got "${word}"`);
  }
  assert.equal(parse('la', '--note', '3', '--note', '0').values.note, [3, 0]);
  refused(['la', '--note', '3', '--note', 'x'], '"--note" expected an integer >= 0, got "x"');
});

test('refuses a missing value, and one that a switch has no use for', () => {
  refused(['la', '--out-dir'], '"--out-dir" expected DIR, got nothing');
  refused(
    ['la', '--out-dir', '--loud'],
    '"--out-dir" expected DIR, got nothing; --out-dir=... takes "--loud" as the value',
  );
  refused(['la', '--loud=yes'], '"--loud" expected no value, got "yes"');
});

test('wants exactly the operands that the command has', () => {
  refused([], 'sing expected one SONG, got none');
  refused(['a', 'b'], 'sing expected one SONG, got 2: sing one at a time');
  assert.is(parseArguments(BARE, []).operand, '');
  assert.throws(() => parseArguments(BARE, ['x']), /^rest expected options only, got "x"$/);
  const withModel = { ...BARE, options: { model: text('DIR', { about: '' }) } };
  assert.throws(() => parseArguments(withModel, ['x']), /got "x"; a model is named with --model$/);
});

test('shows hostile words printable and short', () => {
  refused(['la', '--key', '\u001B[2J\n\u009B'], '"--key" expected major or minor, got "?[2J??"');
  assert.throws(
    () => parse('la', `--${'x'.repeat(1e5)}`),
    (error: unknown) => error instanceof UsageError && error.message.length < 200,
  );
});

test('asksFor() sees any of its options up to --', () => {
  assert.ok(asksFor(['la', '--bogus', '--help'], '--help', '-h'));
  assert.ok(asksFor(['-h'], '--help', '-h'));
  assert.not(asksFor(['--', '--help'], '--help', '-h'));
  assert.not(asksFor(['help'], '--help', '-h'));
});

test('optionName() is the kebab-case name', () => {
  assert.is(optionName('repetitionPenalty'), 'repetition-penalty');
  assert.is(optionName('topK'), 'top-k');
});

test.run();

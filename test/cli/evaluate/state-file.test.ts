import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readState, writeState } from '../../../src/cli/evaluate/state-file.ts';
import { outcomeOf } from '../../helpers/checks/refused.ts';

interface Context {
  root: string;
  path: string;
}

const test = suite<Context>('the state of tpa eval perplexity');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-state-'));
  context.path = join(context.root, 'state.json');
});
test.after.each(({ root }) => rm(root, { recursive: true }));

const IDENTITY = { model: 'abc', text: 'def', parseSpecial: false, context: 512, stride: 256 };
const TALLY = { windows: 7, nats: 1234.5678901234567 };

/** The message of a UsageError, one line. */
async function usage(action: () => unknown): Promise<string> {
  const error = (await outcomeOf(action)) as Error;
  assert.is(error.name, 'UsageError', String(error));
  assert.not.match(error.message, /\n/);
  return error.message;
}

test('comes back with every bit, over and over, and leaves one file', async ({ root, path }) => {
  assert.is(await readState(path, IDENTITY, 10), undefined);
  for (const tally of [{ windows: 0, nats: 0 }, TALLY, { windows: 10, nats: 1 / 3 }]) {
    await writeState(path, IDENTITY, tally);
    assert.equal(await readState(path, IDENTITY, 10), tally);
    assert.equal(await readdir(root), ['state.json']);
  }
});

test('through a link: the file is written, the link stays', async ({ root, path }) => {
  await writeState(path, IDENTITY, TALLY);
  const link = join(root, 'link');
  await symlink(path, link);
  await writeState(link, IDENTITY, { windows: 8, nats: 2 });
  assert.equal(await readState(path, IDENTITY, 10), { windows: 8, nats: 2 });
  assert.equal((await readdir(root)).toSorted(), ['link', 'state.json']);
});

test('of another run is refused by the name of what differs, and stays as it is', async ({
  path,
}) => {
  await writeState(path, IDENTITY, TALLY);
  const before = await readFile(path, 'utf8');
  const others = { model: 'x', text: 'y', parseSpecial: true, context: 256, stride: 128 };
  for (const [field, value] of Object.entries(others)) {
    const message = await usage(() => readState(path, { ...IDENTITY, [field]: value }, 10));
    const found = JSON.stringify(IDENTITY[field as keyof typeof IDENTITY]);
    assert.ok(message.includes(`whose ${field} is ${value}, got ${found} in `), message);
    assert.match(message, /delete it or name another file$/);
  }
  assert.is(await readFile(path, 'utf8'), before);
});

test('that is none, damaged or hostile is refused', async ({ path }) => {
  await writeState(path, IDENTITY, TALLY);
  const state = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  const stateWith = (changes: object) => JSON.stringify({ ...state, ...changes });
  const texts = [
    '',
    'null',
    '7',
    '[]',
    '{',
    'a text that someone wrote',
    stateWith({ format: 'tpa eval perplexity 2' }),
    stateWith({ windows: -1 }),
    stateWith({ windows: 11 }),
    stateWith({ windows: 1.5 }),
    stateWith({ windows: '7' }),
    stateWith({ nats: null }),
    stateWith({ nats: '1' }),
    stateWith({ more: 'x'.repeat(2 ** 16) }),
    stateWith({}).slice(0, -20),
  ];
  for (const text of texts) {
    await writeFile(path, text);
    assert.match(
      await usage(() => readState(path, IDENTITY, 10)),
      /expected a state that this command has written/,
      text.slice(0, 100),
    );
    assert.is(await readFile(path, 'utf8'), text);
  }
});

test('that cannot be read or written: one line with the code, nothing left behind', async ({
  root,
}) => {
  const absent = join(root, 'absent', 'state');
  assert.match(await usage(() => readState(root, IDENTITY, 10)), /can be read, got .*\(EISDIR\)$/);
  const unwritten = await usage(() => writeState(absent, IDENTITY, TALLY));
  assert.match(unwritten, /can be written, got .*\(ENOENT\)$/);
  assert.match(await usage(() => writeState(root, IDENTITY, TALLY)), /can be written, got/);
  assert.equal(await readdir(root), []);
});

test.run();

import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkOutput, writeFolder } from '../../src/cli/output-folder.ts';
import type { ConvertedFile } from '../../src/index.ts';

interface Context {
  root: string;
  out: string;
}

const test = suite<Context>('writeFolder()');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-output-'));
  context.out = join(context.root, 'out');
});
test.after.each(({ root }) => rm(root, { recursive: true }));

/** A file of two pieces, between which something happens. */
function file(between: () => unknown): ConvertedFile {
  return {
    name: 'config.json',
    byteLength: 6,
    async *chunks() {
      yield new TextEncoder().encode('abc');
      await between();
      yield new TextEncoder().encode('def');
    },
  };
}

async function write(context: Context, between: () => unknown): Promise<number[]> {
  const pieces: number[] = [];
  const output = await checkOutput(context.out, context.root, false);
  await writeFolder(output, [file(between)], {
    signal: new AbortController().signal,
    onBytes: (bytes) => pieces.push(bytes),
  });
  return pieces;
}

/** The error a call ends with. */
const failure = (action: Promise<unknown>): Promise<unknown> =>
  action.then(
    () => undefined,
    (error: unknown) => error,
  );

test('nothing is at the path before everything is written', async (context) => {
  const pieces = await write(context, async () => {
    assert.instance(await failure(access(context.out)), Error);
    const names = await readdir(context.root);
    assert.is(names.length, 1);
    assert.match(names[0]!, /^\.out-/);
  });
  assert.equal(pieces, [3, 3]);
  assert.is(await readFile(join(context.out, 'config.json'), 'utf8'), 'abcdef');
  assert.equal(await readdir(context.root), ['out']);
});

test('a failure between two pieces: its error, nothing left', async (context) => {
  const error = new Error('disk');
  const thrown = await failure(
    write(context, () => {
      throw error;
    }),
  );
  assert.is(thrown, error);
  assert.equal(await readdir(context.root), []);
});

test('a folder that someone else fills in the meantime stays as it is', async (context) => {
  const thrown = await failure(
    write(context, async () => {
      await mkdir(context.out);
      await writeFile(join(context.out, 'theirs'), 'x');
    }),
  );
  assert.instance(thrown, Error);
  assert.equal(await readdir(context.root), ['out']);
  assert.equal(await readdir(context.out), ['theirs']);
});

test('an abort stops before the next piece is drawn', async ({ root, out }) => {
  const controller = new AbortController();
  let isDrawn = false;
  const output = await checkOutput(out, root, false);
  const draw = () => {
    isDrawn = true;
  };
  controller.abort();
  const options = { signal: controller.signal, onBytes: () => {} };
  const error = await failure(writeFolder(output, [file(draw)], options));
  assert.is((error as Error).name, 'AbortError');
  assert.not.ok(isDrawn);
  assert.equal(await readdir(root), []);
});

test('an exit at once, the second Ctrl-C, leaves nothing; no listener stays behind', async (context) => {
  const before = process.listeners('exit');
  let isRemoved = false;
  await failure(
    write(context, async () => {
      const added = process.listeners('exit').find((listener) => !before.includes(listener));
      added!.call(process, 130);
      isRemoved = (await readdir(context.root)).length === 0;
    }),
  );
  assert.ok(isRemoved);
  assert.equal(process.listeners('exit'), before);
  assert.equal(await readdir(context.root), []);
});

test.run();

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ModelReport } from '../../../src/cli/report/model-report.ts';
import { buildGguf, ggufValue, splitGguf } from '../../helpers/files/build-gguf.ts';
import { chatGgufParts } from '../../helpers/files/chat-gguf.ts';
import { byteLevelMetadata } from '../../helpers/files/gguf-vocabulary.ts';
import { runTpa } from '../../helpers/fakes/fake-host.ts';
import { serveFiles } from '../../helpers/servers/file-server.ts';

const PARTS = chatGgufParts(byteLevelMetadata());
const SAMPLING = ['--max-tokens', '5', '--temperature', '0'];

const test = suite<{ root: string; file: string }>('tpa with a GGUF file');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa gguf-'));
  context.file = join(context.root, 'model.gguf');
  await writeFile(context.file, buildGguf(PARTS));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

test('generate and chat: a path, a part, its folder and an address say the same', async ({
  root,
  file,
}) => {
  const files = splitGguf(PARTS, 2);
  await rm(file);
  const names = [...files.keys()];
  for (const [name, bytes] of files) await writeFile(join(root, name), bytes);
  await using server = await serveFiles(files);
  const sources = [root, ...names.map((name) => join(root, name)), `${server.base}${names[1]}`];
  process.env['TPA_CACHE'] = join(root, 'cache');
  const texts = new Set<string>();
  for (const source of sources) {
    const { code, out, err } = await runTpa(['generate', 'the', '-m', source, ...SAMPLING]);
    assert.is(code, 0, err());
    texts.add(out());
  }
  assert.is(texts.size, 1);
  const chat = await runTpa(['chat', '--model', root, ...SAMPLING], { stdin: 'the\n' });
  assert.is(chat.code, 0, chat.err());
  delete process.env['TPA_CACHE'];
});

test('info: that it is a GGUF, and its types', async ({ file }) => {
  const { code, out } = await runTpa(['info', '--model', file]);
  assert.is(code, 0);
  assert.match(out(), /^format +GGUF, tensors stored as F32 \d+$/m);
  const json = await runTpa(['info', '--json', '--model', file]);
  const { stored } = JSON.parse(json.out()) as ModelReport;
  assert.equal(stored, { format: 'gguf', types: { F32: PARTS.tensors.length }, notes: [] });
});

test('info: why there is no tokenizer', async ({ file }) => {
  const metadata = new Map([
    ...PARTS.metadata,
    ['tokenizer.ggml.pre', ggufValue('nobody')],
  ] as const);
  await writeFile(file, buildGguf({ ...PARTS, metadata: [...metadata] }));
  const { out } = await runTpa(['info', '--model', file]);
  assert.match(out(), /^note +no tokenizer\.json, since its way to split text is not known/m);
  assert.match(out(), /^vocabulary +300, no tokenizer$/m);
});

test('a file that is no model: one line that says what to pass', async ({ root }) => {
  const path = join(root, 'notes.txt');
  await writeFile(path, 'x');
  const { code, err } = await runTpa(['info', '--model', path]);
  assert.is(code, 1);
  assert.match(
    err(),
    /^error MODEL_NOT_FOUND: "[^"]+notes\.txt" is no model: pass a \.gguf file, the directory of a model, or its http\(s\) address\n$/,
  );
});

test.run();

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCheckpoint } from '../../../src/convert/open-checkpoint.ts';
import { sourceHint } from '../../../src/format/files/source-hint.ts';
import { loadModel, type ModelBytes } from '../../../src/index.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { talkingT6 } from '../../helpers/sessions/talking-t6.ts';
import { T6_JSON } from '../../helpers/models/tiny-configs.ts';

const test = suite<{ root: string }>('sources that are no model, and text in place of files');

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'ab'.repeat(32)}\nsize 5000000\n`;
const PAGE = '\n<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>';
const LFS = /git-lfs pointer: .*"git lfs pull"/;
const WEB = /web page/;
const bytes = (text: string) => new TextEncoder().encode(text);

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-mistaken-'));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

test('a git-lfs pointer or a web page in place of any file is called one', async () => {
  const good: ModelBytes = { config: T6_JSON, weights: new Uint8Array() };
  const index = 'model.safetensors.index.json';
  for (const [text, message] of [
    [POINTER, LFS],
    [POINTER.replace('git-lfs.', 'hawser.'), LFS],
    [PAGE, WEB],
    ['<?xml version="1.0"?><Error/>', WEB],
  ] as const) {
    const cases: [ModelBytes, RegExp][] = [
      [{ ...good, config: text }, /^config\.json/],
      [{ ...good, weights: bytes(text) }, /^"model\.safetensors"/],
      [{ ...good, weights: new Map([[index, bytes(text)]]) }, /^"model\.safetensors\.index\.json"/],
    ];
    for (const [source, file] of cases) {
      const codes = ['CONFIG_INVALID', 'WEIGHTS_HEADER_SIZE', 'WEIGHTS_HEADER_JSON'] as const;
      const error = await refused(() => loadModel(source), codes, text, message);
      assert.match(error.message, file);
    }
  }
  // a word that only begins alike
  const other = { ...good, weights: bytes('version 2 of a model') };
  const error = await refused(() => loadModel(other), 'WEIGHTS_HEADER_SIZE');
  assert.not.match(error.message, /lfs/);
});

test('tokenizer and template too, and what is to be converted', async ({ root }) => {
  const good = talkingT6();
  for (const [text, message] of [
    [POINTER, LFS],
    [PAGE, WEB],
  ] as const) {
    const tokenizer = { ...good, tokenizer: text };
    await refused(() => loadModel(tokenizer), 'TOKENIZER_INVALID', message);
    const chatTemplate = { ...good, chatTemplate: text };
    await refused(() => loadModel(chatTemplate), 'CONFIG_INVALID', /^chat_template/, message);
    for (const file of ['x.gguf', 'pytorch_model.bin', 'pytorch_model.bin.index.json', 'ckpt.pt']) {
      await writeFile(join(root, file), text);
      await refused(() => openCheckpoint(join(root, file)), 'CHECKPOINT_INVALID', message);
    }
  }
});

test('what is to be converted is called by its own name', async ({ root }) => {
  await writeFile(join(root, 'model.safetensors'), 'x'.repeat(100));
  await writeFile(join(root, 'damaged.gguf'), 'x'.repeat(100));
  const own = join(root, 'model.safetensors');
  await refused(() => openCheckpoint(own), 'MODEL_NOT_FOUND', /"config\.json" in the model/);
  const damaged = join(root, 'damaged.gguf');
  await refused(
    () => openCheckpoint(damaged),
    'CHECKPOINT_INVALID',
    /^the GGUF file "damaged\.gguf"/,
  );
});

test('a file that is no model says what to pass', async ({ root }) => {
  const table: [string, RegExp][] = [
    ['PyTorch_Model.BIN', /is no model: convert it first, with: tpa convert .*BIN --out DIR$/],
    ['weights.pth', /is no model: convert it first, with: tpa convert .*weights\.pth --out DIR$/],
    ['adapter.safetensors', /is no model: pass the directory that the file is in$/],
    ['tokenizer.json', /is no model: pass the directory that the file is in$/],
    ['notes.txt', /is no model: pass a \.gguf file, the directory of a model, or its http/],
  ];
  for (const [file, message] of table) {
    const path = join(root, file);
    await writeFile(path, 'x');
    await refused(() => loadModel(path), 'MODEL_NOT_FOUND', path, message, { path });
    await writeFile(path, POINTER);
    if (file === 'notes.txt') await refused(() => loadModel(path), 'MODEL_NOT_FOUND', LFS);
  }
  for (const file of ['model.gguf', 'model.safetensors', 'config.json']) {
    const path = join(root, 'none', file);
    const error = await refused(() => loadModel(path), 'MODEL_NOT_FOUND', { path });
    assert.is(
      error.message,
      `there is no file "${path}": check the path, or download the file first`,
    );
  }
  const hub = 'meta-llama/Llama-3.2-1B';
  const error = await refused(() => loadModel(hub), 'MODEL_NOT_FOUND', { path: hub });
  assert.ok(error.message.endsWith(` at Hugging Face pass hf:${hub}`), error.message);
  for (const path of ['gpt2', './a/b', '../a/b', '/a/b', 'a/b/c', 'a b/c', 'a/', '~/x', 'é/x']) {
    const { message } = await refused(() => loadModel(path), 'MODEL_NOT_FOUND', path);
    assert.match(
      message,
      /^there is no directory "[^"]*": pass the directory of a model, or its http\(s\) address$/,
      path,
    );
  }
});

test('a directory with nothing to load but something to convert, or nothing, says so', async ({
  root,
}) => {
  await refused(() => loadModel(root), 'MODEL_NOT_FOUND', /found nothing: download/, {
    path: root,
  });
  const folder = join(root, 'model');
  await mkdir(folder);
  await writeFile(join(folder, 'config.json'), JSON.stringify(T6_JSON));
  await writeFile(join(folder, 'pytorch_model-00001-of-00002.bin'), 'x');
  const torch = await refused(() => loadModel(folder), 'MODEL_NOT_FOUND', /pytorch_model/);
  assert.ok(torch.message.endsWith(`tpa convert ${folder} --out DIR`), torch.message);
  await rm(join(folder, 'pytorch_model-00001-of-00002.bin'));
  await refused(() => loadModel(folder), 'MODEL_NOT_FOUND', /"model\.safetensors" .*tpa convert$/);
  // weights beside it are loaded, or refused for what they are
  await writeFile(join(folder, 'model.safetensors'), 'x');
  await refused(() => loadModel(folder), 'WEIGHTS_TRUNCATED');
});

test('addresses: pages about a model and files of it lead to where its files are', () => {
  const pages = { '': '', '/': '', '/tree/main': '', '/blob/v1.0/': '@v1.0' };
  for (const [page, revision] of Object.entries(pages)) {
    const hint = sourceHint(`https://huggingface.co/org/some.name${page}`);
    assert.ok(hint.endsWith(` pass hf:org/some.name${revision}`), hint);
  }
  const cure = 'https://huggingface.co/org/some.name/resolve/main/';
  assert.match(sourceHint('https://a.example/x/model.bin?download=true'), /tpa convert/);
  assert.match(sourceHint('https://a.example/x/model.safetensors'), /directory/);
  for (const fine of [cure, 'https://a.example/models/x/', 'https://a.example/x/y']) {
    assert.is(sourceHint(fine), '', fine);
  }
});

test.run();

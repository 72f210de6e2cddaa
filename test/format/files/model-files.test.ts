import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readModelFile } from '../../../src/format/files/model-files.ts';
import { openModelFiles, webAddress } from '../../../src/format/files/model-source.ts';
import { withGlobals } from '../../helpers/fakes/globals.ts';
import { openRemote } from '../../helpers/servers/remote-files.ts';
import { CANARY, eachRefused, refused } from '../../helpers/checks/refused.ts';
import type { ModelFiles } from '../../../src/format/files/model-files.ts';
import type { ModelSource } from '../../../src/format/files/model-source.ts';

const test = suite<{ root: string; model: string }>('openModelFiles()');

const HELLO = new TextEncoder().encode('hello');
const ESCAPES = [
  ...(
    '. .. ../config.json ..\\config.json /etc/passwd C:\\x a/b a\\b %2e%2e %2e%2e%2fx x\u0000 ' +
    'x\u0000.safetensors http://h/x file:///x .hidden a:b é a?b a#b ~'
  ).split(' '),
  '',
  'x'.repeat(256),
  'a b',
];

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-files-'));
  context.model = join(context.root, 'model');
  await mkdir(context.model);
  await writeFile(join(context.model, 'config.json'), HELLO);
});

test.after.each(({ root }) => rm(root, { recursive: true }));

async function opened<T>(source: ModelSource, use: (files: ModelFiles) => Promise<T>): Promise<T> {
  const address = webAddress(source);
  const files = address === undefined ? await openModelFiles(source) : openRemote(address);
  try {
    return await use(files);
  } finally {
    await files.close();
  }
}

function readFrom(source: ModelSource, name: string): Promise<Uint8Array> {
  return opened(source, (files) => readModelFile(files, name, 99));
}

test('reads a directory by path and by file: URL, any piece', async ({ model }) => {
  for (const source of [model, `${model}/`, pathToFileURL(model), pathToFileURL(model).href]) {
    await opened(source, async (files) => {
      const config = await files.open('config.json');
      assert.is(config?.size, 5);
      assert.equal(await config?.read(1, 3), HELLO.slice(1, 4));
      assert.equal(await config?.read(5, 0), new Uint8Array());
      assert.is(await files.open('tokenizer.json'), undefined);
      await eachRefused(([offset, length]) => config?.read(offset, length), 'WEIGHTS_TRUNCATED', [
        [0, 6],
        [5, 1],
        [2 ** 40, 1],
      ] as const);
    });
  }
});

test('a file that shrinks after it was opened is truncated, not padded', async ({ model }) => {
  await opened(model, async (files) => {
    const config = await files.open('config.json');
    await truncate(join(model, 'config.json'), 2);
    await refused(() => config?.read(0, 5), 'WEIGHTS_TRUNCATED');
  });
});

test('a missing directory or file is MODEL_NOT_FOUND with the path asked for', async ({
  root,
  model,
}) => {
  for (const path of [join(root, 'none'), join(model, 'config.json', 'x'), `${root}/\u0000`]) {
    await refused(() => openModelFiles(path), 'MODEL_NOT_FOUND', path, { path });
  }
  const error = await refused(
    () => opened(model, (files) => readModelFile(files, 'tokenizer.json', 9)),
    'MODEL_NOT_FOUND',
  );
  assert.equal(error.data, { path: model, file: 'tokenizer.json' });
  assert.ok(error.message.includes(model) && error.message.includes('tokenizer.json'));
});

test('readModelFile() refuses one byte more than allowed before it reads', async ({ model }) => {
  await opened(model, async (files) => {
    assert.equal(await readModelFile(files, 'config.json', 5), HELLO);
    await refused(() => readModelFile(files, 'config.json', 4), 'RESOURCE_LIMIT');
    await writeFile(join(model, 'huge.json'), '');
    await truncate(join(model, 'huge.json'), 2 ** 40);
    await refused(() => readModelFile(files, 'huge.json', 2 ** 20), 'RESOURCE_LIMIT');
  });
});

test('W10 refuses names that are paths, on every kind of source', async ({ model }) => {
  const bytes = { config: '{}', weights: new Uint8Array() };
  for (const source of [model, bytes, 'http://127.0.0.1:1/x']) {
    await opened(source, async (files) => {
      for (const name of ESCAPES) await refused(() => files.open(name), 'PATH_ESCAPE', name);
    });
  }
});

test('W10 refuses links out of the directory, directories and pipes; follows links within', async ({
  root,
  model,
}) => {
  await writeFile(join(root, 'secret'), CANARY);
  await symlink('../secret', join(model, 'relative'));
  await symlink(join(root, 'secret'), join(model, 'absolute'));
  await symlink('relative', join(model, 'chain'));
  await symlink('..', join(model, 'parent'));
  await symlink('/dev/zero', join(model, 'device'));
  await symlink('config.json', join(model, 'inside'));
  await symlink('nowhere', join(model, 'dangling'));
  await mkdir(join(model, 'folder'));
  execFileSync('mkfifo', [join(model, 'pipe')]);
  await mkdir(join(root, 'model-2'));
  await writeFile(join(root, 'model-2', 'f'), CANARY);
  await symlink('../model-2/f', join(model, 'sibling'));
  await symlink(model, join(root, 'link'));
  for (const path of [model, join(root, 'link')]) {
    await opened(path, async (files) => {
      await eachRefused((name) => files.open(name), 'PATH_ESCAPE', [
        'relative',
        'absolute',
        'chain',
        'parent',
        'device',
        'folder',
        'pipe',
        'sibling',
      ]);
      assert.is((await files.open('inside'))?.size, 5);
      assert.is(await files.open('dangling'), undefined);
    });
  }
});

test('close() closes every file, twice is once', async ({ model }) => {
  const files = await openModelFiles(model);
  const config = await files.open('config.json');
  await files.close();
  await files.close();
  await config?.close();
  const outcome = await config?.read(0, 1).catch((error: unknown) => error);
  assert.instance(outcome, Error);
});

test('bytes, text and objects in memory', async () => {
  const weights = new Map([
    ['a.safetensors', HELLO],
    ['model.safetensors.index.json', HELLO],
  ]);
  for (const config of [HELLO, 'hello'])
    assert.equal(await readFrom({ config, weights }, 'config.json'), HELLO);
  const object = { config: { a: 1 }, weights: HELLO.slice().buffer, tokenizer: [2] };
  assert.is(new TextDecoder().decode(await readFrom(object, 'config.json')), '{"a":1}');
  assert.is(new TextDecoder().decode(await readFrom(object, 'tokenizer.json')), '[2]');
  assert.equal(await readFrom(object, 'model.safetensors'), HELLO);
  assert.equal(await readFrom({ config: '', weights }, 'a.safetensors'), HELLO);
  await refused(() => readFrom({ config: '', weights }, 'tokenizer.json'), 'MODEL_NOT_FOUND');
  await refused(() => readFrom({ config: '', weights }, 'constructor'), 'MODEL_NOT_FOUND');
});

test('a source of another kind is a TypeError', async () => {
  const sources: unknown[] = [
    undefined,
    null,
    5,
    {},
    new URL('ftp://h/x'),
    { config: '{}' },
    { weights: HELLO },
    { config: 5, weights: HELLO },
    { config: '{}', weights: 'text' },
    { config: '{}', weights: [1] },
    { config: '{}', weights: new Map([['a', 'b']]) },
    { config: '{}', weights: HELLO, tokenizer: 5 },
    { config: '{}', weights: HELLO, chatTemplate: 5 },
    { gguf: 5 },
    { gguf: 'text' },
    { gguf: [] },
    { gguf: [HELLO, 5] },
    { gguf: { config: '{}' } },
  ];
  for (const source of sources) {
    const outcome = await openModelFiles(source as ModelSource).catch((error: unknown) => error);
    assert.instance(outcome, TypeError, String(source));
  }
});

test('a page reads a path as an address relative to its own', async () => {
  const page = { process: undefined, location: { href: 'https://example.org/app/index.html?q' } };
  const names = await withGlobals(page, async () => {
    const sources = ['models/t6', '/models/t6', 'https://other.example/m'];
    return Promise.all(sources.map((source) => opened(source, async ({ name }) => name)));
  });
  assert.equal(names, [
    'https://example.org/app/models/t6',
    'https://example.org/models/t6',
    'https://other.example/m',
  ]);
});

test('Deno without permission: the error names the flag', async () => {
  const { getBuiltinModule } = process;
  const forbidden = Object.assign(new Error('Requires read access'), { name: 'NotCapable' });
  const refuse = () => Promise.reject(forbidden);
  const disk = { realpath: refuse, readdir: refuse, stat: refuse };
  const deno = {
    getBuiltinModule: (id: string) => (id === 'node:fs/promises' ? disk : getBuiltinModule(id)),
  };
  await withGlobals({ process: deno }, async () => {
    const error = await refused(() => openModelFiles('models/t6'), 'MODEL_NOT_FOUND');
    assert.match(
      error.message,
      /^Deno does not allow reading the directory "models\/t6": run it with --allow-read$/,
    );
  });
});

test('a runtime without files and pages says what it takes instead of a directory', async () => {
  await withGlobals({ process: undefined }, async () => {
    const error = await refused(() => openModelFiles('models/t6'), 'MODEL_NOT_FOUND');
    assert.match(error.message, /: load the model from an http\(s\) address or as bytes$/);
    await refused(() => openModelFiles('file:///models/t6'), 'MODEL_NOT_FOUND');
  });
});

test.run();

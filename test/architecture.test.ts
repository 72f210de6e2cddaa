import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The import law: what each room may import besides itself, from the ground up. Files at the top of
 * src/ are the faces of the package.
 */
const LAW: Readonly<Record<string, readonly string[]>> = {
  base: [],
  attention: ['base'],
  wasm: ['base'],
  layout: ['attention', 'base'],
  compute: ['attention', 'layout', 'base'],
  cache: ['attention', 'compute', 'layout', 'base'],
  format: ['attention', 'base'],
  convert: ['format', 'base'],
  download: ['format', 'base'],
  text: ['base'],
  weights: ['compute', 'format', 'layout', 'base'],
  model: ['attention', 'cache', 'compute', 'format', 'layout', 'weights', 'base'],
  device: ['base'],
  backend: [
    'attention',
    'cache',
    'compute',
    'device',
    'format',
    'layout',
    'model',
    'weights',
    'wasm',
    'base',
  ],
  ops: ['attention', 'backend', 'cache', 'compute', 'device', 'layout', 'wasm', 'base'],
  generate: ['backend', 'text', 'base'],
  load: [
    'backend',
    'compute',
    'download',
    'format',
    'generate',
    'layout',
    'model',
    'ops',
    'text',
    'weights',
    'wasm',
    'base',
  ],
  'index.ts': ['backend', 'load', 'ops', 'base'],
  'webgpu.ts': ['backend'],
  'convert.ts': ['convert', 'base'],
  cli: ['index.ts', 'convert.ts', 'base'],
};

/** Modules that package.json gives to Node alone. */
const NODE_ONLY: readonly string[] = ['src/wasm/delivery/node.ts'];

const test = suite('architecture');

test('rooms of src/ import only what the import law allows', async () => {
  const edges = await runtimeImports();
  const broken = edges.filter(({ from, to }) => from !== to && !LAW[from]?.includes(to));
  assert.equal(broken, []);
  const rooms = new Set(edges.flatMap(({ from, to }) => [from, to]));
  for (const name of Object.keys(LAW)) assert.ok(rooms.has(name), `${name} is in the law only`);
});

test('only wasm/ uses WebAssembly', () => {
  assert.equal(
    filesOf('src').filter((file) => room(file) !== 'wasm' && /\bWebAssembly\./.test(code(file))),
    [],
  );
});

test('only backend/webgpu/ imports onnxruntime-web', () => {
  for (const file of filesOf('src')) {
    if (!file.startsWith('src/backend/webgpu/')) {
      assert.not.match(code(file), /['"`]onnxruntime/, file);
    }
  }
});

test('no module that browsers load names a module of Node', () => {
  const named = mentions(/^import (?!type)[^;]*'node:|(?<!typeof )import\('node:/m);
  assert.equal(
    named.filter((file) => room(file) !== 'cli'),
    NODE_ONLY,
  );
});

test('what a GPU needs is loaded when there is one: all but a look whether there is', () => {
  const imports = /^(import|export) (?!type)[^;]*\/webgpu\/([\w-]+)\.ts'/gm;
  const outside = filesOf('src').filter(
    (file) => !file.startsWith('src/backend/webgpu/') && file !== 'src/webgpu.ts',
  );
  const names = outside.flatMap((file) =>
    [...code(file).matchAll(imports)].map(([, , name]) => name),
  );
  assert.equal([...new Set(names)], ['present']);
});

test('the template library is used by one file, which is loaded when it is needed', () => {
  assert.equal(mentions(/'@huggingface\/jinja'/), ['src/text/chat-template.ts']);
  assert.equal(mentions(/^(import|export) (?!type)[^;]*chat-template\.ts'/m), []);
});

test('assembly/ imports nothing from outside', () => {
  for (const file of filesOf('assembly')) {
    for (const [, specifier] of code(file).matchAll(/from ["'](.*)["']/g)) {
      assert.match(specifier!, /^\.\.?\//, file);
      assert.not.match(specifier!, /src|test|bench/, file);
    }
  }
});

test('nothing outside test/ imports tests', () => {
  const files = ['src', 'assembly', 'bench'].flatMap(filesOf);
  assert.equal(
    files.filter((file) => /from ["'][^"']*\/test\//.test(code(file))),
    [],
  );
});

test('files have one reason to change: kernels at most 150 lines, others 250', () => {
  assert.equal(tooLong('assembly/kernels', 150), []);
  assert.equal(tooLong('assembly/attention', 150), []);
  assert.equal([...tooLong('assembly', 250), ...tooLong('src', 250)], []);
});

test.run();

/** Files of more than `limit` lines. */
function tooLong(folder: string, limit: number): string[] {
  return filesOf(folder).filter(
    (file) => readFileSync(`${ROOT}${file}`, 'utf8').trimEnd().split('\n').length > limit,
  );
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly file: string;
}

/** Every import that is left when types are erased, between rooms of src/. */
async function runtimeImports(): Promise<Edge[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: filesOf('src').filter((file) => !file.endsWith('.d.ts')),
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'neutral',
    packages: 'external',
    external: [
      'node:*',
      '#wasm',
      '#cache',
      '*.wasm',
      '*.wasm?module',
      './baseline.js',
      './relaxed.js',
    ],
    outdir: 'unused',
    logLevel: 'silent',
  });
  return Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
    imports
      .filter(({ external }) => !external)
      .map(({ path }) => ({ from: room(file), to: room(path), file })),
  );
}

/** `src/wasm/heap.ts` is in wasm; `src/index.ts` is a room of its own. */
function room(file: string): string {
  return file.split('/')[1]!;
}

/** Files of src/ whose code matches. */
function mentions(pattern: RegExp): string[] {
  return filesOf('src').filter((file) => pattern.test(code(file)));
}

function filesOf(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, `${entry.parentPath}/${entry.name}`));
}

/** The text without comments. */
function code(file: string): string {
  return readFileSync(`${ROOT}${file}`, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

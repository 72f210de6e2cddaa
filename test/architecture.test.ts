import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The import law: what each room may import besides itself, types too, from the ground up. Files at
 * the top of src/ are the faces of the package, which show types of all rooms.
 */
const LAW: Readonly<Record<string, readonly string[]>> = {
  base: [],
  attention: ['base'],
  wasm: ['base'],
  threads: ['wasm', 'base'],
  layout: ['attention', 'base'],
  compute: ['attention', 'layout', 'threads', 'base'],
  cache: ['attention', 'compute', 'layout', 'base'],
  format: ['attention', 'base'],
  convert: ['format', 'lora', 'base'],
  download: ['format', 'base'],
  text: ['base'],
  lora: ['format', 'text', 'base'],
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
    'threads',
    'weights',
    'wasm',
    'base',
  ],
  snapshot: ['backend', 'format', 'layout', 'base'],
  ops: ['attention', 'backend', 'cache', 'compute', 'device', 'layout', 'threads', 'wasm', 'base'],
  generate: ['backend', 'snapshot', 'text', 'layout', 'base'],
  load: [
    'backend',
    'compute',
    'download',
    'format',
    'generate',
    'layout',
    'lora',
    'model',
    'ops',
    'snapshot',
    'text',
    'threads',
    'weights',
    'wasm',
    'base',
  ],
  worker: ['load', 'threads', 'wasm', 'base'],
  'index.ts': ['backend', 'generate', 'load', 'ops', 'snapshot', 'threads', 'base'],
  'webgpu.ts': ['backend'],
  'convert.ts': ['convert', 'base'],
  cli: ['index.ts', 'convert.ts', 'base'],
};

/** Types of wasm/ that any room may name: what it is given to compute with. */
const EVERYWHERE: ReadonlySet<string> = new Set(['Engine', 'Heap', 'Kernels']);

/** Modules that package.json gives to Node alone. */
const NODE_ONLY: readonly string[] = ['src/wasm/delivery/node.ts'];

const test = suite('architecture');

test('rooms of src/ import only what the import law allows', () => {
  const edges = filesOf('src').flatMap(importsOf);
  const broken = edges.filter(
    ({ file, to, types }) =>
      room(file) !== room(to) &&
      !LAW[room(file)]?.includes(room(to)) &&
      !(types !== undefined && isFace(file)) &&
      !(room(to) === 'wasm' && types?.every((name) => EVERYWHERE.has(name))),
  );
  assert.equal(broken, []);
  assert.equal(
    Object.keys(LAW).toSorted(),
    [...new Set(filesOf('src').map(room))].toSorted(),
    'rooms in the law, and in src/',
  );
});

test('no file of src/ imports itself in a circle, types counted', () => {
  // files that import nothing that is left are taken away, until none is left or a circle is
  let left = new Map(filesOf('src').map((file) => [file, importsOf(file).map(({ to }) => to)]));
  for (let size = Infinity; left.size < size;) {
    size = left.size;
    left = new Map([...left].filter(([, to]) => to.some((file) => left.has(file))));
  }
  assert.equal([...left.keys()], []);
});

test('no folder holds more than 15 files', () => {
  const files = ['src', 'assembly', 'test/helpers'].flatMap(filesOf);
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(dirname(file), (sizes.get(dirname(file)) ?? 0) + 1);
  assert.equal(
    [...sizes].filter(([, size]) => size > 15),
    [],
  );
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

test('conversations are written by code that is loaded when it is needed, what few templates name apart', () => {
  const [writer, rare] = ['src/text/chat/conversation-writer.ts', 'src/text/chat/rare-writer.ts'];
  assert.equal(mentions(/^(import|export) (?!type)[^;]*chat-template\.ts'/m), [writer]);
  assert.equal(mentions(/^(import|export) (?!type)[^;]*conversation-writer\.ts'/m), [rare]);
  assert.equal(
    mentions(/^(import|export) (?!type)[^;]*from '[^']*(rare-writer|strftime)\.ts'/m),
    [],
  );
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
  readonly file: string;
  readonly to: string;
  /** The names, where they are types alone. */
  readonly types?: readonly string[];
}

/** What a file imports of src/: values, types, and what it loads later. */
function importsOf(file: string): Edge[] {
  const pattern =
    /(?:import|export)\s+(type\s)?([^;'"]*?)\s*from\s*'(\.[^']+)'|import\('(\.[^']+)'\)/g;
  return [...code(file).matchAll(pattern)].map(([, type, names = '', from, later]) => {
    const to = join(dirname(file), (from ?? later)!);
    const isTypes = type !== undefined || /^\{(\s*type \w+,?)*\s*\}$/.test(names);
    return { file, to, ...(isTypes ? { types: names.match(/(?!type\b)\b[A-Z]\w*/g) ?? [] } : {}) };
  });
}

function isFace(file: string): boolean {
  return file.split('/').length === 2;
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

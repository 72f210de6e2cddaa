import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Bytes as a server sends them compressed. */
const REMOTE_BYTES = 56_000;
const OPERATIONS_BYTES = 52_000;
const CORE_BYTES = 74_000;
const TEXT_BYTES = 116_500;
const GGUF_BYTES = 132_500;
/** What is read, compiled and run by an import alone; at these Node takes 15 ms. */
const IMPORTED_BYTES = 300_000;
const IMPORTED_FILES = 32;
/** A page loads one of them, for the layout its model has: the larger counts. */
const READERS = ['t6', 'llama'];
/** What a page loads for a GGUF file besides. */
const GGUF_CHUNKS = ['open-gguf', 'block-reader'];
/** What a page loads for text, and for downloads. */
const TEXT_CHUNKS = ['open-text', 'tokenizer', 'text-output', 'conversation-writer'];
const DOWNLOAD_CHUNKS = ['open-remote', 'browser'];
/** What a page loads for a model that it computes with itself, besides kernels and a reader. */
const HERE = ['main', 'load-here'];

const test = suite('what a page loads');

const { metafile, sizes, texts } = await bundlePage();

test(`a model in a worker, with text: at most ${REMOTE_BYTES} bytes, gzip, and no kernels`, () => {
  const chunks = ['main', 'load-in-worker', ...TEXT_CHUNKS];
  const all = sizeOf(chunks);
  assert.ok(all <= REMOTE_BYTES, `${all} bytes`);
  for (const name of ['load-here', 'open-runtime', 'relaxed', 'baseline', ...READERS]) {
    assert.ok(sizeOf([...chunks, name]) > all, `${name} is apart`);
  }
});

test(`createRuntime() with the larger kernels: at most ${OPERATIONS_BYTES} bytes, gzip`, () => {
  const kernels = ['relaxed', 'baseline'];
  const all = Math.max(...kernels.map((name) => sizeOf(['main', 'open-runtime', name])));
  assert.ok(all <= OPERATIONS_BYTES, `${all} bytes`);
});

test(`a model on the page with the larger kernels and configuration: at most ${CORE_BYTES} bytes, gzip`, () => {
  assert.ok(coreBytes() <= CORE_BYTES, `${coreBytes()} bytes`);
  assert.ok(sizeOf(HERE) < coreBytes(), 'the kernels are a chunk of their own');
});

test(`downloads and their cache, tokenizer and chat templates besides: at most ${TEXT_BYTES} bytes, gzip`, () => {
  const all = Math.max(
    ...READERS.map((reader) =>
      sizeOf([...HERE, 'relaxed', reader, ...TEXT_CHUNKS, ...DOWNLOAD_CHUNKS]),
    ),
  );
  assert.ok(all <= TEXT_BYTES, `${all} bytes`);
  assert.ok(all > coreBytes(), 'they are chunks of their own');
});

test(`a GGUF file of quantised weights, such as the model in the package, besides: at most ${GGUF_BYTES} bytes, gzip`, () => {
  const chunks = [...HERE, 'relaxed', ...TEXT_CHUNKS, ...DOWNLOAD_CHUNKS, ...GGUF_CHUNKS];
  const all = Math.max(...READERS.map((reader) => sizeOf([...chunks, reader])));
  assert.ok(all <= GGUF_BYTES, `${all} bytes`);
});

test('what reads GGUF is loaded for GGUF alone', () => {
  assert.ok(hasGguf(['open-gguf']));
  assert.not(
    hasGguf([...HERE, 'relaxed', 'bytes-at-hand', 'local-model', ...READERS, ...TEXT_CHUNKS]),
  );
});

test('what writes and reads snapshots is loaded where one is taken or read', () => {
  const id = 'CACH';
  const has = (names: readonly string[]) =>
    chunksOf(names).some((file) => texts.get(file)!.includes(id));
  assert.ok(has(['snapshots']));
  assert.not(has([...HERE, 'load-in-worker', ...READERS, ...TEXT_CHUNKS, ...DOWNLOAD_CHUNKS]));
});

test('nothing of onnxruntime-web, converting or Node is in it', () => {
  const bundled = Object.keys(metafile.inputs).join('\n');
  assert.not.match(bundled, /onnxruntime/);
  const contents = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
  assert.equal(
    contents.filter(({ external }) => external === true),
    [],
  );
  assert.not.match(bundled, /convert/);
});

test(`importing evaluates at most ${IMPORTED_FILES} files and ${IMPORTED_BYTES} bytes`, () => {
  const files = importedFiles('dist/index.js');
  const bytes = files.reduce((sum, file) => sum + metafile.inputs[file]!.bytes, 0);
  assert.ok(files.length > 1 && files.length <= IMPORTED_FILES, `${files.length} files`);
  assert.ok(bytes <= IMPORTED_BYTES, `${bytes} bytes`);
  assert.not.match(files.join('\n'), /tokenizer|jinja|relaxed\.js|baseline\.js/);
});

test.run();

interface Page {
  readonly metafile: Metafile;
  /** Compressed, by the names of the files. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly texts: ReadonlyMap<string, string>;
}

/** A page that uses the package, built with settings of nobody's. */
async function bundlePage(): Promise<Page> {
  const result = await build({
    absWorkingDir: ROOT,
    stdin: {
      contents: `export { loadModel, createRuntime } from './dist/index.js'`,
      resolveDir: ROOT,
      sourcefile: 'main.js',
    },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    outdir: 'out',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const files = result.outputFiles.map(
    ({ path, text }) => [path.slice(path.lastIndexOf('/') + 1), text] as const,
  );
  const gzipped = files.map(([name, text]) => [name, gzipSync(text, { level: 9 }).length] as const);
  return { metafile: result.metafile, sizes: new Map(gzipped), texts: new Map(files) };
}

function coreBytes(): number {
  const kernels = ['relaxed', 'baseline'];
  return Math.max(
    ...READERS.flatMap((reader) => kernels.map((name) => sizeOf([...HERE, name, reader]))),
  );
}

/** Whether something in some chunks reads what only GGUF files have. */
function hasGguf(names: readonly string[]): boolean {
  return chunksOf(names).some((file) => texts.get(file)!.includes('tokenizer.ggml.tokens'));
}

/** Bytes of some chunks by the start of their names, and of all that they import at once. */
function sizeOf(names: readonly string[]): number {
  return chunksOf(names).reduce((sum, file) => sum + sizes.get(file)!, 0);
}

/** The files of some chunks by the start of their names, and all that they import at once. */
function chunksOf(names: readonly string[]): string[] {
  const files = new Set<string>();
  const add = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { path, kind, external } of metafile.outputs[file]!.imports) {
      if (kind === 'import-statement' && external !== true) add(path);
    }
  };
  for (const name of names) {
    const file = Object.keys(metafile.outputs).find((path) => isChunk(path, name));
    assert.ok(file, `no chunk ${name}`);
    add(file!);
  }
  return Array.from(files, (file) => file.slice('out/'.length));
}

function isChunk(path: string, name: string): boolean {
  return path === 'out/stdin.js' ? name === 'main' : path.startsWith(`out/${name}-`);
}

/** A file and all that it imports at once, before anything is called. */
function importedFiles(entry: string): string[] {
  const files = new Set([entry]);
  for (const file of files) {
    for (const { path, kind } of metafile.inputs[file]!.imports) {
      if (kind === 'import-statement') files.add(path);
    }
  }
  return [...files];
}

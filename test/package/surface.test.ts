import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = `${ROOT}dist/`;

const MAX_FILES = 185;
/** Of the model alone, and without it. */
const MAX_MODEL_BYTES = 4_000_000;
const MAX_PACKED_BYTES = 800_000;
const MAX_BYTES = 2_150_000;

const files = packedFiles();

const test = suite('what is published');

test(`at most ${MAX_FILES} files of ${MAX_BYTES} bytes, ${MAX_PACKED_BYTES} packed, and the model`, () => {
  assert.ok(files.length <= MAX_FILES, `${files.length} files`);
  assert.ok(files.includes('models/t6-stories.gguf') && files.includes('models/README.md'));
  const { size } = statSync(`${ROOT}models/t6-stories.gguf`);
  assert.ok(size <= MAX_MODEL_BYTES, `a model of ${size} bytes`);
  const ours = files.filter((file) => !file.startsWith('models/'));
  const all = Buffer.concat(ours.map((file) => readFileSync(`${ROOT}${file}`)));
  assert.ok(all.length <= MAX_BYTES, `${all.length} bytes`);
  const packed = gzipSync(all, { level: 9 }).length;
  assert.ok(packed <= MAX_PACKED_BYTES, `${packed} bytes packed`);
});

test('every script and declaration that another one imports', () => {
  const scripts = files.filter((file) => /\.(js|d\.ts)$/.test(file));
  assert.ok(scripts.length > 80);
  for (const script of scripts) {
    const imported = read(script.slice('dist/'.length)).matchAll(
      /(?:from|import\(?) *"(\.[^"?]+)/g,
    );
    for (const [, path] of imported) {
      const { pathname } = new URL(path!, `file:///${script}`);
      assert.ok(files.includes(pathname.slice(1)), `${script} imports ${path}`);
    }
  }
});

test('declarations have no any', () => {
  const declarations = filesOf('.d.ts').filter((file) => file.startsWith('types/'));
  assert.ok(declarations.length > 3);
  for (const file of declarations) {
    assert.not.match(withoutComments(read(file)), /\bany\b/, file);
  }
});

/** Where an `hf:` address leads; nothing is fetched from there unasked. */
const ENDPOINT = '"https://huggingface.co"';

test('scripts make no code from text and fetch none', () => {
  const scripts = filesOf('.js');
  assert.ok(scripts.length > 20);
  for (const file of scripts) {
    assert.not.match(
      read(file),
      /\beval\(|new Function\b|\bFunction\(|importScripts\((?!\))/,
      file,
    );
    assert.not.match(
      read(file).replaceAll(ENDPOINT, ''),
      /https?:\/\/[\w.-]*(cdn|unpkg|jsdelivr|esm\.sh|huggingface)/,
      file,
    );
  }
});

test('every file that package.json names is there', () => {
  const json = JSON.parse(readFileSync(`${DIST}../package.json`, 'utf8')) as object;
  const named = [...JSON.stringify(json).matchAll(/"\.\/(dist|src)\/([^"]+)"/g)];
  assert.ok(named.length > 10);
  for (const [, folder, path] of named) {
    assert.ok(readFileSync(`${DIST}../${folder}/${path}`).length > 0, path);
  }
});

test.run();

/** The paths that `npm pack` would put into the tarball. */
function packedFiles(): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const answer = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
  const [tarball] = JSON.parse(answer) as [{ files: { path: string }[] }];
  return tarball.files.map(({ path }) => path);
}

function filesOf(extension: string): string[] {
  return readdirSync(DIST, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith(extension),
  );
}

function read(file: string): string {
  return readFileSync(`${DIST}${file}`, 'utf8');
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

/*
 * The last step of `npm run build:types`: the declarations that the package publishes. The compiler
 * writes one file for each source, 240 of them, most for names that nobody outside can reach. Here
 * the faces keep their text, and what they reach lies in one file beside them.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const COMPILED = join(DIST, 'declarations');
const TYPES = join(DIST, 'types');
const SHARED = 'declarations';
const FACES = {
  index: 'index.d.ts',
  convert: 'convert.d.ts',
  webgpu: 'webgpu.d.ts',
  'gpu-worker': 'backend/webgpu/worker/device-worker.d.ts',
  worker: 'worker/page-worker.d.ts',
};
/** `[Symbol.dispose]` is newer than ES2022, the library that a consumer may compile with. */
const LIBRARIES = '/// <reference lib="esnext.disposable" />\n';
const DECLARATION =
  /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const|let) (\w+)/;
const LIST = /^(?:import|export) (?:type )?\{([^}]*)\} from '([^']+)';/;

/** A top-level name of a file. */
interface Declaration {
  readonly file: string;
  readonly name: string;
  /** With its comment. */
  readonly text: string;
}

/** What the names at the top level of a file stand for. */
interface Scope {
  readonly own: ReadonlyMap<string, Declaration>;
  /** The file that each imported or re-exported name comes from. */
  readonly foreign: ReadonlyMap<string, string>;
}

const scopes = new Map<string, Scope>();
const reached = new Map<string, Declaration>();
for (const face of Object.values(FACES)) {
  for (const name of scopeOf(join(COMPILED, face)).foreign.keys())
    reach(join(COMPILED, face), name);
}
for (const { file, name, text } of reached.values()) checkNames(file, name, text);

rmSync(TYPES, { recursive: true, force: true });
mkdirSync(TYPES);
for (const [face, path] of Object.entries(FACES)) {
  const text = readFileSync(join(COMPILED, path), 'utf8');
  writeTypes(face, text.replaceAll(/ from '[^']+'/g, ` from './${SHARED}.js'`));
}
const texts = Array.from(reached.values(), ({ text }) => text);
writeTypes(SHARED, LIBRARIES + texts.join(''));

function writeTypes(name: string, text: string): void {
  writeFileSync(join(TYPES, `${name}.d.ts`), text);
}

/**
 * Takes a name as a file knows it, and all that its declaration mentions.
 *
 * @throws Error for a second declaration of the name: in one file there can be only one
 */
function reach(file: string, name: string): void {
  const declaration = resolveName(file, name);
  if (declaration === undefined || reached.get(name) === declaration) return;
  const other = reached.get(name);
  if (other) throw new Error(`"${name}" is declared in ${other.file} and ${declaration.file}`);
  reached.set(name, declaration);
  for (const word of wordsOf(declaration.text)) reach(declaration.file, word);
}

/** @throws Error for a word that meant a global one, `Request` say, and would mean ours */
function checkNames(file: string, name: string, text: string): void {
  for (const word of wordsOf(text)) {
    if (reached.has(word) && resolveName(file, word) !== reached.get(word)) {
      throw new Error(`"${word}" of ${name} (${file}) is hidden by ${reached.get(word)!.file}`);
    }
  }
}

function resolveName(file: string, name: string): Declaration | undefined {
  const { own, foreign } = scopeOf(file);
  const from = foreign.get(name);
  return own.get(name) ?? (from === undefined ? undefined : resolveName(from, name));
}

/** Names of types, and of what `typeof` asks for; parameters and members begin in lower case. */
function wordsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '');
  return Array.from(code.matchAll(/\b[A-Z]\w*|(?<=typeof )\w+/g), ([word]) => word);
}

/** The compiler starts a statement at the beginning of a line, and nothing else but its end. */
function scopeOf(file: string): Scope {
  const known = scopes.get(file);
  if (known) return known;
  const own = new Map<string, Declaration>();
  const foreign = new Map<string, string>();
  let comment = '';
  for (const part of readFileSync(file, 'utf8').split(/^(?=\/\*\*|[a-z])/m)) {
    const [, name] = DECLARATION.exec(part) ?? [];
    const [, names, from] = LIST.exec(part) ?? [];
    if (name !== undefined) own.set(name, { file, name, text: comment + part });
    else if (names !== undefined && from !== undefined) {
      const path = resolve(dirname(file), from.replace(/\.ts$/, '.d.ts'));
      for (const one of names.split(',')) foreign.set(one.replace(/^\s*type /, '').trim(), path);
    } else if (!part.startsWith('/**') && part !== 'export {};\n') {
      throw new Error(`${file}: what is ${part}`);
    }
    comment = part.startsWith('/**') ? part : '';
  }
  const scope = { own, foreign };
  scopes.set(file, scope);
  return scope;
}

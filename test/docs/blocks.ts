import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A fenced block of a document, or an example of a doc comment. */
export interface Block {
  readonly file: string;
  /** Where its code begins. */
  readonly line: number;
  /** What stands behind the fence: `js`, `js browser`, `sh` … */
  readonly info: string;
  readonly code: string;
}

/** Not ours, or made from what is looked at elsewhere: docs/api/ from the doc comments. */
const ELSEWHERE = /(^|\/)(node_modules|dist|\.[^/]+)\/|^docs\/api\//;
const FENCED = /^( *)```(.*)\n([\s\S]*?)^ *```$/gm;
const EXAMPLE = /@example\n([\s\S]*?)(?=\n *\*\/|\n *\* @)/g;

/** The repository's documents. */
export function documents(): string[] {
  return filesOf('', '.md').filter((file) => !ELSEWHERE.test(file));
}

/** The fenced blocks of a document. */
export function blocksOf(file: string): Block[] {
  const text = read(file);
  return [...text.matchAll(FENCED)].map(({ index, 1: indent, 2: info, 3: code }) => ({
    file,
    line: lineAt(text, index) + 1,
    info: info!,
    code: code!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** Every `@example` of src/. */
export function examples(): Block[] {
  return filesOf('src', '.ts').flatMap((file) => {
    const text = read(file);
    return [...text.matchAll(EXAMPLE)].map(({ index, 1: lines }) => ({
      file,
      line: lineAt(text, index) + 1,
      info: '@example',
      code: lines!.replaceAll(/^ *\* ?/gm, ''),
    }));
  });
}

/** Files below a folder of the repository, with their paths from its root. */
export function filesOf(folder: string, extension: string): string[] {
  const top = folder === '' ? '' : `${folder}/`;
  return readdirSync(`${ROOT}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${top}${entry.name}`;
    if (entry.isDirectory()) return ELSEWHERE.test(`${path}/`) ? [] : filesOf(path, extension);
    return path.endsWith(extension) ? [path] : [];
  });
}

/** A file of the repository. */
export function read(file: string): string {
  return readFileSync(`${ROOT}${file}`, 'utf8');
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

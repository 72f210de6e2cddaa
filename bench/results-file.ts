import { readFile, writeFile } from 'node:fs/promises';

/** The npm scripts that write to the results file, in the order of their parts. */
const SCRIPTS = [
  'bench',
  'bench -- --threads',
  'bench:models',
  'bench:models -- --threads',
  'bench:mechanisms',
  'bench:mechanisms -- --threads',
  'bench:gpu',
] as const;

export type BenchScript = (typeof SCRIPTS)[number];

const HEAD =
  '# Benchmark results\n\nGenerated, each part by the script that its comment names; do not edit.\n';

/** The results file with the part of one script replaced or added; other parts stay as they are. */
export function replacePart(file: string, script: BenchScript, markdown: string): string {
  const parts = SCRIPTS.map((name) => {
    const part = name === script ? markdown.trim() : findPart(file, name);
    return part === undefined ? '' : `\n${begin(name)}\n\n${part}\n\n${end(name)}\n`;
  });
  return HEAD + parts.join('');
}

/**
 * Replaces the part of one script in the results file of a folder.
 *
 * @param folder URL that ends in a slash
 */
export async function writePart(folder: URL, script: BenchScript, markdown: string): Promise<void> {
  await writeFile(pathIn(folder), replacePart(await readResults(folder), script, markdown));
}

/** The part of one script in the results file of a folder, undefined where there is none. */
export async function readPart(folder: URL, script: BenchScript): Promise<string | undefined> {
  return findPart(await readResults(folder), script);
}

function pathIn(folder: URL): URL {
  return new URL('RESULTS.md', folder);
}

function readResults(folder: URL): Promise<string> {
  return readFile(pathIn(folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
}

function findPart(file: string, script: BenchScript): string | undefined {
  const start = file.indexOf(begin(script));
  if (start < 0) return undefined;
  const stop = file.indexOf(end(script), start);
  if (stop < 0) throw new Error(`RESULTS.md expected "${end(script)}" after "${begin(script)}"`);
  return file.slice(start + begin(script).length, stop).trim();
}

function begin(script: BenchScript): string {
  return `<!-- npm run ${script} -->`;
}

function end(script: BenchScript): string {
  return `<!-- end of npm run ${script} -->`;
}

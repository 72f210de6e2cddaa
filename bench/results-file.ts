import { readFile, writeFile } from 'node:fs/promises';

/** The npm scripts that write to the results file, in the order of their parts. */
const SCRIPTS = ['bench', 'bench:mechanisms'] as const;

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
  const path = new URL('RESULTS.md', folder);
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  await writeFile(path, replacePart(before, script, markdown));
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

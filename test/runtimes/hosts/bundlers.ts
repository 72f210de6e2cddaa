import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/** Builds page.js into a folder of its name, with default settings. @returns all that it warns of, but sizes */
export type Bundler = (folder: string, program: string) => Promise<readonly string[]>;

const run = promisify(execFile);
/** webpack takes 3 s, and 17 s on a busy machine. */
const DEADLINE = 300_000;
/** What webpack says of each file of more than 244 KiB; the worker is one. */
const SIZE_HINT = /^asset size limit/;
/** What Vite says where it took more than some seconds, as on a busy machine. */
const TIME_HINT = /\S*\[PLUGIN_TIMINGS\][^]*Learn more at \S+/;

export const buildWithVite: Bundler = async (folder, program) => {
  const args = ['build', '--outDir', 'vite', '--logLevel', 'warn'];
  const { stdout, stderr } = await runNode(program, args, folder);
  const texts = [stdout, stderr.replace(TIME_HINT, '')].map((text) => text.trim());
  return texts.filter((text) => text !== '');
};

export const buildWithWebpack: Bundler = async (folder, program) => {
  const args = ['--mode', 'production', '--entry', './page.js', '--output-path', 'webpack'];
  const { stdout } = await runNode(program, [...args, '--json'], folder);
  const { errors, warnings } = JSON.parse(stdout) as Record<string, { message: string }[]>;
  const messages = [...errors!, ...warnings!].map(({ message }) => message);
  return messages.filter((message) => !SIZE_HINT.test(message));
};

/** The same by esbuild, which has to be told of workers. */
export async function buildWithEsbuild(
  folder: string,
  workers: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { warnings } = await build({
    absWorkingDir: folder,
    entryPoints: { page: 'page.js', ...workers },
    bundle: true,
    format: 'esm',
    outdir: 'esbuild',
    logLevel: 'silent',
  });
  return warnings.map(({ text }) => text);
}

/** A command line in a Node without the flags of the tests. */
function runNode(program: string, args: readonly string[], folder: string) {
  const options = { cwd: folder, timeout: DEADLINE, maxBuffer: 2 ** 26 };
  return run(process.execPath, [program, ...args], options);
}

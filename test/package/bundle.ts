/*
 * `npm run build:js`: the sources as the files that the package publishes. Code that only some
 * programs need lies in files of its own, by dynamic imports. esbuild alone would cut what these
 * share apart by who imports it, into 110 files that take 5 KB more, compressed. Here all that is
 * always loaded together is one file: what `index.js` needs at once, then what models and operations
 * on a thread of their own compute with, then what else loads a model there.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CORE = 'src/index.ts';
/** What is loaded where a model is computed with, where only operations are, and in place of both. */
const MODELS = 'src/load/load-here.ts';
const OPERATIONS = 'src/ops/open-runtime.ts';
const REMOTE = 'src/load/remote/client/load-in-worker.ts';
/** What runs where there may be no core: a worker, and what keeps downloads. */
const APART = {
  'gpu-worker': 'src/backend/webgpu/worker/device-worker.ts',
  webgpu: 'src/webgpu.ts',
  'cache/none': 'src/download/cache/none.ts',
  'cache/browser': 'src/download/cache/browser.ts',
  'cache/folder': 'src/download/cache/folder.ts',
};
/** Imports whose address is known at run time alone; their comments go with the white space. */
const FOUND_AT_RUN_TIME = /\bimport\((?=[\w$]+\))/g;
/** Tells bundlers of those who use the package to leave an import alone. */
const NOT_BUNDLED = '/* @vite-ignore *//* webpackIgnore: true */';

const options = {
  absWorkingDir: ROOT,
  entryPoints: {
    index: CORE,
    convert: 'src/convert.ts',
    cli: 'src/cli/main.ts',
    'worker/model': 'src/worker/model-worker.ts',
    'worker/serve-model': 'src/load/remote/worker/serve-model.ts',
    ...APART,
  },
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  packages: 'external',
  external: ['node:*', '#wasm', '#cache', '#worker'],
  // what is published is 50 KB smaller, and stack traces still name functions and lines
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  outdir: 'dist',
  logLevel: 'warning',
} satisfies BuildOptions;

const { metafile } = await build({ ...options, write: false, metafile: true });
const [core, models, operations, remote] = [CORE, MODELS, OPERATIONS, REMOTE].map((file) =>
  reached(metafile, [file], false),
) as [string[], string[], string[], string[]];
const always = [...new Set([...core, ...both(models, remote)])];
const computing = both(models, operations).filter((file) => !always.includes(file));
const loading = models.filter((file) => ![...always, ...computing].includes(file));
const apart = reached(metafile, Object.values(APART), true);
const later = Object.keys(metafile.inputs).filter((file) => !apart.includes(file));
const { outputFiles } = await build({
  ...options,
  plugins: [inOneFile([always, computing, loading], later)],
  write: false,
});
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text.replaceAll(FOUND_AT_RUN_TIME, `$&${NOT_BUNDLED}`));
}

/** Files that some files import, themselves included. */
function reached({ inputs }: Metafile, from: readonly string[], withLater: boolean): string[] {
  const files = new Set(from);
  for (const file of files) {
    for (const { path, kind, external } of inputs[file]!.imports) {
      const isLater = kind === 'dynamic-import';
      if (external !== true && (withLater || !isLater)) files.add(path);
    }
  }
  return [...files];
}

/** Files that are in two lists. */
function both(some: readonly string[], others: readonly string[]): string[] {
  return some.filter((file) => others.includes(file));
}

/**
 * Has each of `importers` that needs something of a group import all of it, so that it is never cut
 * apart; the first group is there in any case.
 */
function inOneFile(groups: readonly (readonly string[])[], importers: readonly string[]): Plugin {
  const added = new Map(importers.map((file) => [resolve(ROOT, file), importsOf(file, groups)]));
  const grouped = new Set(groups.flat().map((file) => resolve(ROOT, file)));
  return {
    name: 'in one file',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^(?:\.\.?\/|file:).*\.ts$/ }, ({ path, resolveDir }) => {
        const file = fileURLToPath(new URL(path, pathToFileURL(`${resolveDir}/`)));
        // an import of no names counts where there are side effects
        return { path: file, sideEffects: grouped.has(file) };
      });
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const imports = added.get(path);
        if (!imports) return undefined;
        return { contents: readFileSync(path, 'utf8') + imports, loader: 'ts' };
      });
    },
  };
}

/** What a file is to import besides: of its own group, and of those before it, nothing. */
function importsOf(file: string, groups: readonly (readonly string[])[]): string {
  const own = file === CORE ? 1 : groups.findIndex((group) => group.includes(file));
  const needed = reached(metafile, [file], false);
  return groups
    .filter((_, i) => i < (own === -1 ? groups.length : own))
    .filter((group, i) => i === 0 || group.some((member) => needed.includes(member)))
    .flatMap((group) => group.filter((member) => member !== file))
    .map((member) => pathToFileURL(resolve(ROOT, member)).href)
    .map((address) => `\nimport '${address}';`)
    .join('');
}

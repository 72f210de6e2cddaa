/*
 * `npm run build:js`: the sources as the files that the package publishes. Code that only some
 * programs need lies in files of its own, by dynamic imports. esbuild alone would cut what these
 * share with `index.js` apart by who imports it, into 23 files that take 5 KB more, compressed. Here
 * all that `index.js` needs at once is one file: whoever loads a part later has it loaded already.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CORE = 'src/index.ts';
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
const core = reached(metafile, [CORE], false);
const apart = reached(metafile, Object.values(APART), true);
const others = Object.keys(metafile.inputs).filter((file) => !core.includes(file));
const later = others.filter((file) => !apart.includes(file));
const { outputFiles } = await build({
  ...options,
  plugins: [inOneFile(core, later)],
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

/** Has each of `importers` import all of `files`, so that these are never cut apart. */
function inOneFile(files: readonly string[], importers: readonly string[]): Plugin {
  const paths = files.map((file) => resolve(ROOT, file));
  const added = new Set(importers.map((file) => resolve(ROOT, file)));
  const imports = paths.map((file) => `\nimport '${pathToFileURL(file).href}';`).join('');
  return {
    name: 'in one file',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^(?:\.\.?\/|file:).*\.ts$/ }, ({ path, resolveDir }) => {
        const file = fileURLToPath(new URL(path, pathToFileURL(`${resolveDir}/`)));
        // an import of no names counts where there are side effects
        return { path: file, sideEffects: paths.includes(file) };
      });
      onLoad({ filter: /\.ts$/ }, ({ path }) =>
        added.has(path)
          ? { contents: readFileSync(path, 'utf8') + imports, loader: 'ts' }
          : undefined,
      );
    },
  };
}

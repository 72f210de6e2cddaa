/*
 * `npm run build:workers`: the files that start workers, and the worker of pages as bundlers take it:
 * one file with all that it needs, since Vite before 8 refuses to build a worker that loads parts
 * later. Pages without a bundler have one in parts (`build:standalone`), which are those of the page.
 */
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A thread is one file; the model's part lies beside it, over the parts of the page. */
const modelPart: Plugin = {
  name: 'model part',
  setup({ onResolve }) {
    onResolve({ filter: /\/serve-model\.ts$/ }, () => ({
      path: './serve-model.js',
      external: true,
    }));
  },
};

const options = {
  absWorkingDir: ROOT,
  bundle: true,
  target: 'es2022',
  minify: true,
  logLevel: 'warning',
} satisfies BuildOptions;

const { outputFiles } = await build({
  ...options,
  entryPoints: ['src/worker/thread-worker.ts'],
  format: 'iife',
  platform: 'neutral',
  write: false,
});
await build({
  ...options,
  entryPoints: {
    'web-worker': 'src/worker/start/page.ts',
    'worker/none': 'src/worker/start/none.ts',
    'worker/process': 'src/worker/start/process.ts',
  },
  plugins: [threadSource(outputFiles[0]!.text)],
  format: 'esm',
  platform: 'neutral',
  outdir: 'dist',
});
await build({
  ...options,
  entryPoints: ['src/worker/page-worker.ts'],
  alias: {
    '#cache': './src/download/cache/browser.ts',
    '#worker': './src/worker/start/sibling.ts',
  },
  // asks for a package of Node's, and bundlers that make a script of a worker warn of it
  define: { 'import.meta.resolve': 'undefined' },
  format: 'esm',
  platform: 'browser',
  outfile: 'dist/tpa-worker.js',
});
await build({
  ...options,
  entryPoints: ['src/worker/page-worker.ts'],
  plugins: [modelPart],
  format: 'esm',
  platform: 'browser',
  outfile: 'dist/standalone/tpa-worker.js',
});

/** What `thread-source.js` is: the worker as text. */
function threadSource(text: string): Plugin {
  return {
    name: 'thread source',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /\/thread-source\.js$/ }, ({ path }) => ({ path, namespace: 'text' }));
      onLoad({ filter: /./, namespace: 'text' }, () => ({ contents: text, loader: 'text' }));
    },
  };
}

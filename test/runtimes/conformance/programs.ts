/** The package as a user imports it, watched by guard.js. */
const PACKAGE = `
import { sideEffects } from './guard.js';
import * as tpa from 'tpa-wasm';
import { convertCheckpoint } from 'tpa-wasm/convert';
import { runConformance } from './suite.js';
const imported = sideEffects();
if (typeof convertCheckpoint !== 'function') throw new Error('tpa-wasm/convert is not there');
`;

/** The build for pages that have no bundler. */
const STANDALONE = '/node_modules/tpa-wasm/dist/standalone/index.js';
const STANDALONE_PACKAGE = `
import { sideEffects } from './guard.js';
import * as tpa from '${STANDALONE}';
import { runConformance } from './suite.js';
const imported = sideEffects();
`;

/** Runs the suite in a page, in the setting that its address tells, and tells the server. */
const IN_PAGE = `
const setting = decodeURIComponent(location.search.slice(1));
const assets = await (await fetch('/assets.json')).text();
const report = await runConformance(tpa, imported, assets, setting);
const body = JSON.stringify({ ...report, isIsolated: crossOriginIsolated });
await fetch('/report', { method: 'POST', body });
`;

const html = (script: string) =>
  `<!doctype html><title>Conformance</title><script type="module" src="${script}"></script>`;

/**
 * The suite for every runtime, by file. It works on assets.js where that needs no permission and no
 * binding, in pages on assets.json, as bundlers warn of large modules.
 */
export const PROGRAMS: Readonly<Record<string, string>> = {
  'process.js': `${PACKAGE}
import assets from './assets.js';
console.log(JSON.stringify(await runConformance(tpa, imported, assets, process.argv[2])));
`,
  'worker.js': `${PACKAGE}
import assets from './assets.js';
export default {
  async fetch({ url }) {
    const setting = decodeURIComponent(new URL(url).search.slice(1));
    return Response.json(await runConformance(tpa, imported, assets, setting));
  },
};
`,
  'page.js': `${PACKAGE}${IN_PAGE}`,
  'index.html': html('/page.js'),
  'esbuild/index.html': html('/page.js'),
  'webpack/index.html':
    '<!doctype html><title>Conformance</title><script defer src="/main.js"></script>',
  'plain.js': `${STANDALONE_PACKAGE}${IN_PAGE}`,
  'plain.html': html('/plain.js'),
  'refused.js': `
import { createRuntime } from '${STANDALONE}';
const { name, code, message } = await createRuntime().then(() => ({}), (error) => error);
await fetch('/report', { method: 'POST', body: JSON.stringify({ name, code, message }) });
`,
  'refused.html': html('/refused.js'),
};

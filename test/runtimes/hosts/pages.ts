import { readdirSync, readFileSync } from 'node:fs';
import { version as esbuildVersion } from 'esbuild';
import type { Browser } from 'playwright-core';
import type { Report, Setting } from '../conformance/suite.ts';
import { findRuntime, type Missing } from '../find.ts';
import type { RuntimeName } from '../pins.ts';
import { type Bundler, buildWithEsbuild, buildWithVite, buildWithWebpack } from './bundlers.ts';
import { runPage } from './chromium.ts';
import type { Expected, Host, Outcome, Variant } from './host.ts';
import { queryOf, titleOf } from './setting.ts';
import { ISOLATION, POLICY, type Site } from './site.ts';

const KERNELS = 'embedded in the code';
/** Chromium's own word that it has no GPU, once for each time it is asked. */
const NO_GPU = 'warning: No available adapters.';
/** What a page is told that could have threads. */
const HEADERS = /Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/;

/** The suite in pages of Chromium: without a bundler, and from each bundler. */
export function pageHosts(browser: Browser, folder: string): (Host | Missing)[] {
  const assets = `${folder}/assets`;
  const plain = { folders: [folder, assets], page: 'plain.html' };
  /** A host from a bundler, which builds once. */
  const fromBundler = (
    output: string,
    title: string,
    build: () => Promise<readonly string[]>,
    notes = 'default settings',
  ) => {
    const built = `${folder}/${output}`;
    let warnings: Promise<readonly string[]> | undefined;
    const afterBuild = (variant: Variant): Variant => ({
      ...variant,
      async run() {
        const before = await (warnings ??= build());
        const { report, complaints } = await variant.run();
        return { report, complaints: [...before, ...strangersIn(built), ...complaints] };
      },
    });
    const pages = variants(browser, { folders: [built, assets], page: 'index.html' });
    const host = { title: `Chromium, ${title}`, kernels: KERNELS, notes };
    return { ...host, variants: pages.map(afterBuild) };
  };
  const fromInstalled = (name: RuntimeName, bundler: Bundler) => {
    const found = findRuntime(name);
    if ('missing' in found) return found;
    const { title, version, program } = found;
    return fromBundler(name, `${title} ${version}`, () => bundler(folder, program));
  };
  return [
    {
      title: 'Chromium, no bundler',
      kernels: KERNELS,
      notes: '`tpa-wasm/standalone`; no import map, no CDN',
      variants: variants(browser, plain),
    },
    fromInstalled('vite', buildWithVite),
    fromInstalled('webpack', buildWithWebpack),
    fromBundler(
      'esbuild',
      `esbuild ${esbuildVersion}`,
      () => buildWithEsbuild(folder, { 'tpa-worker': 'tpa-wasm/worker' }),
      'one entry point more, `tpa-wasm/worker`',
    ),
  ];
}

/** Files in a build that are onnxruntime-web's, for which no page here asks. */
function strangersIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`)
    .filter((path) => /ort-wasm/.test(path) || /ort-wasm/.test(readFileSync(path, 'latin1')))
    .map((path) => `onnxruntime-web is in ${path}`);
}

/** Where the suite runs in pages: a model in a worker unless the page is told to have it. */
const PLACES: readonly (readonly [isIsolated: boolean, setting: Setting, expected: Expected])[] = [
  [false, { threads: 4 }, { threads: 1, worker: true, threadsReason: HEADERS }],
  [false, { threads: 1, worker: false }, { threads: 1, worker: false }],
  [true, { threads: 1 }, { threads: 1, worker: true }],
  [true, { threads: 2 }, { threads: 2, worker: true }],
  [true, { threads: 4 }, { threads: 4, worker: true }],
  [true, { threads: 2, worker: false }, { threads: 2, worker: false }],
];

function variants(browser: Browser, { folders, page }: Pick<Site, 'folders' | 'page'>): Variant[] {
  return PLACES.map(([isIsolated, setting, expected]) => {
    const where = site(folders, page + queryOf(setting), POLICY, isIsolated ? ISOLATION : {});
    return {
      title: `${isIsolated ? 'cross-origin isolated' : 'not isolated'}, ${titleOf(setting)}`,
      expected,
      run: () => run(browser, where, isIsolated),
    };
  });
}

function site(folders: readonly string[], page: string, policy: string, more: object): Site {
  return { folders, page, headers: { 'content-security-policy': policy, ...more } };
}

async function run(browser: Browser, where: Site, isIsolated: boolean): Promise<Outcome> {
  const { posted, complaints } = await runPage(browser, where);
  const report = posted as Report;
  const own = complaints.filter((line) => line !== NO_GPU);
  if (report.isIsolated === isIsolated) return { report, complaints: own };
  return { report, complaints: [...own, `crossOriginIsolated is ${!isIsolated}`] };
}

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { launchChromium } from '../helpers/servers/browser.ts';
import {
  type Fault,
  type FileServer,
  onlyHeads,
  type Request,
  serveFiles,
} from '../helpers/servers/file-server.ts';
import { serveHub } from '../helpers/servers/hub-server.ts';
import { asBytes, GOOD_FILES } from '../helpers/models/hostile-models.ts';
import { CANARY } from '../helpers/checks/refused.ts';
import type { Answer, Ask } from './page.ts';

const WEIGHTS = 'model.safetensors';
/** A name that leads here, but to no secure context. */
const INSECURE_HOST = 'insecure.test';
const PAGE = '<!doctype html><script type="module" src="page.js"></script>';
const TYPES: Readonly<Record<string, string>> = {
  'page.html': 'text/html',
  'page.js': 'text/javascript',
  'tpa-worker.js': 'text/javascript',
};
/** A worker starts again from the browser's own cache, offline too. */
const KEPT = 'max-age=600';

/** What goes wrong with the first request for the weights. */
const atFirst =
  (fault: Fault) =>
  ({ file, nth }: Request) =>
    file === WEIGHTS && nth === 0 ? fault : undefined;

interface Context {
  readonly server: FileServer;
  readonly context: BrowserContext;
  readonly page: Page;
}

const browser = await launchChromium([`--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`]);
if ('missing' in browser) {
  const test = suite('downloads in Chromium');
  test.skip(browser.missing);
  process.stdout.write(`downloads in Chromium: skipped, ${browser.missing}\n`);
  test.run();
} else {
  const files = new Map([...GOOD_FILES, ...(await bundlePage())]);
  const expected = await expectedLogits();
  const inWorker = register(browser, 'in the worker of a page', false, files, expected);
  const onPage = register(browser, 'on a page itself', true, files, expected);
  onPage.after(() => browser.close());
  inWorker.run();
  onPage.run();
}

function register(
  chromium: Browser,
  place: string,
  onPage: boolean,
  files: ReadonlyMap<string, Uint8Array>,
  expected: readonly number[],
): Test {
  const test = suite(`downloads in Chromium ${place}`);
  const load = async (page: Page, ask: Omit<Ask, 'onPage'>): Promise<Answer> => {
    await page.waitForFunction(`'load' in globalThis`);
    const answer = (await page.evaluate(`load(${JSON.stringify({ ...ask, onPage })})`)) as Answer;
    if (answer.logits !== undefined) assert.is(answer.worker, !onPage);
    return answer;
  };
  /** A new profile with one page of the server's. */
  const inPage = async (
    {
      fault,
      host = '127.0.0.1',
    }: { fault?: (request: Request) => Fault | undefined; host?: string },
    use: (context: Context) => Promise<void>,
  ): Promise<void> => {
    await using server = await serveFiles(files, (request) => {
      const type = TYPES[request.file];
      if (type === undefined) return fault?.(request);
      return { headers: { 'content-type': type, 'cache-control': KEPT } };
    });
    const context = await chromium.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${server.base.replace('127.0.0.1', host)}page.html`);
      await use({ server, context, page });
    } finally {
      await context.close();
    }
  };

  test('what was loaded once is loaded again from the cache, offline too', async () => {
    await inPage({}, async ({ server: { base, log }, page, context }) => {
      const first = await load(page, { base });
      assert.equal(first.logits, expected);
      assert.is(first.cache?.kind, 'cache-api');
      assert.ok(first.kept.includes(WEIGHTS));
      log.length = 0;
      assert.equal((await load(page, { base })).logits, expected);
      assert.ok(onlyHeads(log), log.join());
      await context.setOffline(true);
      const offline = await load(page, { base });
      assert.equal(offline.logits, expected, offline.message);
      await context.setOffline(false);
      log.length = 0;
      assert.equal((await load(page, { base, cache: 'reload' })).logits, expected);
      assert.ok(log.includes(`GET ${WEIGHTS} 0-`), log.join());
      log.length = 0;
      const none = await load(page, { base, cache: 'none' });
      assert.equal(none.cache, { kind: 'none', reason: 'asked for' });
      assert.ok(log.includes(`GET ${WEIGHTS} 0-`), log.join());
    });
  });

  test('a cut connection goes on where it broke, and the whole file is kept', async () => {
    await inPage(
      { fault: atFirst({ cutAfter: 5000, cutMs: 1000 }) },
      async ({ server: { base, log }, page }) => {
        assert.equal((await load(page, { base })).logits, expected);
        assert.ok(log.includes(`GET ${WEIGHTS} 5000-`), log.join());
        log.length = 0;
        assert.equal((await load(page, { base })).logits, expected);
        assert.ok(onlyHeads(log), log.join());
      },
    );
  });

  test('over quota: the load goes on without the cache and says why', async () => {
    await inPage({}, async ({ server: { base }, page, context }) => {
      const session = await context.newCDPSession(page);
      const { origin } = new URL(base);
      await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 20_000 });
      const answer = await load(page, { base });
      assert.equal(answer.logits, expected, answer.message);
      assert.is(answer.cache?.kind, 'none');
      assert.match(answer.cache!.reason, /quota/i);
      assert.not(answer.kept.includes(WEIGHTS));
    });
  });

  test('an address with a password is kept as well, and the password nowhere', async () => {
    await inPage({}, async ({ server, page }) => {
      const base = `${server.base.replace('//', `//me:${CANARY}@`)}?token=${CANARY}`;
      const answer = await load(page, { base });
      assert.equal(answer.logits, expected, answer.message);
      assert.is(answer.cache?.kind, 'cache-api', answer.cache?.reason);
      assert.ok(answer.kept.includes(WEIGHTS));
      assert.not(JSON.stringify(answer).includes(CANARY));
      server.log.length = 0;
      assert.equal((await load(page, { base })).logits, expected);
      assert.ok(onlyHeads(server.log), server.log.join());
    });
  });

  test('no Cache API in an insecure context: the same', async () => {
    await inPage({ host: INSECURE_HOST }, async ({ server, page }) => {
      const base = server.base.replace('127.0.0.1', INSECURE_HOST);
      const answer = await load(page, { base });
      assert.equal(answer.logits, expected, answer.message);
      assert.equal(answer.cache, {
        kind: 'none',
        reason: 'no Cache API: the page is not a secure context',
      });
    });
  });

  test('a model of a hub at another origin, whose redirects Chromium follows unseen', async () => {
    await using hub = await serveHub({ 'org/name': GOOD_FILES });
    const ask = { base: 'hf:org/name', endpoint: hub.endpoint };
    await inPage({}, async ({ page, context }) => {
      const answer = await load(page, ask);
      assert.equal(answer.logits, expected, answer.message);
      assert.ok(answer.kept.includes(WEIGHTS));
      // asked for once more when it was seen that they are hidden
      const redirects = hub.hub.log.filter((line) => line.includes(WEIGHTS));
      assert.is(redirects.length, 2, hub.hub.log.join());
      assert.equal(hub.storage.log, [`GET org/name/${WEIGHTS} 0-`]);
      hub.hub.log.length = 0;
      hub.storage.log.length = 0;
      const again = await load(page, ask);
      assert.equal(again.logits, expected, again.message);
      assert.ok(onlyHeads([...hub.hub.log, ...hub.storage.log]), hub.hub.log.join());
      await context.setOffline(true);
      assert.equal((await load(page, ask)).logits, expected);
    });
  });

  test('two tabs at once both load, and one whole copy is kept', async () => {
    await inPage({}, async ({ server: { base, log }, page, context }) => {
      const other = await context.newPage();
      await other.goto(page.url());
      const answers = await Promise.all([page, other].map((tab) => load(tab, { base })));
      for (const { logits, cache } of answers) {
        assert.equal(logits, expected);
        assert.is(cache?.kind, 'cache-api');
      }
      log.length = 0;
      const again = await load(other, { base });
      assert.equal(again.logits, expected);
      assert.is(again.kept.filter((name) => name === WEIGHTS).length, 1);
      assert.ok(onlyHeads(log), log.join());
    });
  });

  test('an abort in the middle of the weights leaves no entry of them', async () => {
    await inPage({ fault: atFirst({ stallAfter: 60_000 }) }, async ({ server: { base }, page }) => {
      const aborted = await load(page, { base, abortAt: 10_000 });
      assert.is(aborted.code, 'ABORTED', aborted.message);
      assert.ok(aborted.kept.includes('config.json'));
      assert.not(aborted.kept.includes(WEIGHTS));
      assert.equal((await load(page, { base })).logits, expected);
    });
  });

  test('a tab closed in the middle leaves no entry either', async () => {
    await inPage(
      { fault: atFirst({ stallAfter: 60_000 }) },
      async ({ server: { base, log }, page, context }) => {
        const closed = await context.newPage();
        await closed.goto(page.url());
        const pending = load(closed, { base }).catch(() => undefined);
        while (!log.includes('GET tokenizer.json 0-')) await page.waitForTimeout(20);
        await closed.close();
        await pending;
        const answer = await load(page, { base });
        assert.equal(answer.logits, expected, answer.message);
        assert.ok(log.filter((line) => line === `GET ${WEIGHTS} 0-`).length === 2, log.join());
      },
    );
  });
  return test;
}

/** The page, and all that it runs. */
async function bundlePage(): Promise<[string, Uint8Array][]> {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL('../../', import.meta.url)),
    entryPoints: { page: 'test/download/page.ts', 'tpa-worker': 'dist/tpa-worker.js' },
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    external: ['node:*', 'onnxruntime-web', 'onnxruntime-web/*'],
    logLevel: 'silent',
  });
  return [
    ['page.html', new TextEncoder().encode(PAGE)],
    ...outputFiles.map(({ path, contents }): [string, Uint8Array] => [basename(path), contents]),
  ];
}

async function expectedLogits(): Promise<number[]> {
  using model = await loadModel(asBytes(GOOD_FILES)!, { simd: 'baseline', backend: 'wasm' });
  return [...(await model.logits([5, 6, 7, 8]))];
}

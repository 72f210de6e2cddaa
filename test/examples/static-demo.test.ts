import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launchChromium } from '../helpers/servers/browser.ts';

const BUILD = fileURLToPath(new URL('../../examples/browser/build.js', import.meta.url));
/** A host that puts the page below its root, as those of project pages do. */
const BELOW = '/someone/tpa-wasm/';
/** Browsers run no module without the first two; no other header is sent. */
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.html': 'text/html' };
/** Keeps a broken page from hanging: it takes 2 s. */
const DEADLINE = 60_000;

const test = suite('the demo page as a static folder');
const folder = mkdtempSync(join(tmpdir(), 'tpa-demo-'));
execFileSync(process.execPath, [BUILD, folder]);
const chromium = await launchChromium();

test.after(async () => {
  rmSync(folder, { recursive: true, force: true });
  if (!('missing' in chromium)) await chromium.close();
});

test('holds the page, the package and the model, and nothing of the server', () => {
  for (const file of ['index.html', 'main.js', 'tpa-wasm/index.js', 'models/t6-stories.gguf']) {
    assert.ok(existsSync(join(folder, file)), file);
  }
  for (const file of ['serve.js', 'build.js', 'package.json']) {
    assert.not.ok(existsSync(join(folder, file)), file);
  }
});

if ('missing' in chromium) {
  test.skip(chromium.missing);
  process.stdout.write(`skipped: ${chromium.missing}\n`);
} else {
  test('writes on a plain host, below its root and without headers', async () => {
    const server = createServer(({ url = '' }, response) => {
      const file = join(folder, url.replace(BELOW, '/').replace(/\/$/, '/index.html'));
      if (!url.startsWith(BELOW) || !existsSync(file)) return response.writeHead(404).end();
      const type = TYPES[extname(file)];
      if (type !== undefined) response.setHeader('content-type', type);
      return response.end(readFileSync(file));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const page = await chromium.newPage();
    try {
      page.setDefaultTimeout(DEADLINE);
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${BELOW}`);
      const status = page.getByRole('status');
      await status.filter({ hasText: /^Ready/ }).waitFor();
      await page.getByRole('button', { name: 'Write' }).click();
      await status.filter({ hasText: /^(400 tokens|The end)/ }).waitFor();
      assert.ok(((await page.textContent('#written')) ?? '').length > 60);
    } finally {
      await page.close();
      server.closeAllConnections();
      server.close();
    }
  });
}

test.run();

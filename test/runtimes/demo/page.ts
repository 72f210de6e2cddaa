import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { launchChromium, SWIFTSHADER } from '../../helpers/servers/browser.ts';
import { firstLine } from '../../helpers/servers/first-line.ts';
import { writeTalkingT6 } from '../../helpers/sessions/talking-t6.ts';
import { CONSUMER } from '../consumer.ts';
import { RUNTIMES } from '../find.ts';

const SERVE = fileURLToPath(new URL('../../../examples/browser/serve.js', import.meta.url));

/** A folder with a model whose text no token ends; it is there as long as the tests. */
export const FOLDER = join(mkdtempSync(join(tmpdir(), 'tpa-demo-')), 'talking');
writeTalkingT6(FOLDER, { block_size: 2048 });
process.on('exit', () => rmSync(dirname(FOLDER), { recursive: true }));

/** Where screenshots are kept. */
const SCREENSHOTS = process.env['TPA_ARTIFACTS'] ?? join(RUNTIMES, 'screenshots');

/** For whatever a page does without a GPU: at most 2 s on a quiet machine. */
const DEADLINE = 60_000;

/** Keys scroll at once: text that comes in the middle of a glide would end it. */
const JUMPS = '--disable-smooth-scrolling';

/** What a page is shown with. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly colorScheme: 'light' | 'dark';
}

export const DESKTOP: View = { width: 1280, height: 800, colorScheme: 'light' };
export const PHONE: View = { width: 360, height: 740, colorScheme: 'dark' };

/** Registers a test of the page. */
export type Check = (name: string, body: (demo: Demo) => Promise<void>) => void;

/** The demo page's server over the packed tarball, and a browser. */
export class Demo {
  /** What no page may say: errors on the console, uncaught ones, what the policy blocked. */
  readonly complaints: string[] = [];
  readonly address: string;
  readonly browser: Browser;
  readonly #server: ChildProcess;

  private constructor(server: ChildProcess, address: string, browser: Browser) {
    this.#server = server;
    this.address = address;
    this.browser = browser;
  }

  /** The page's server in a browser, or why there can be none. */
  static async open(): Promise<Demo | { readonly missing: string }> {
    if (!existsSync(CONSUMER)) throw new Error('the tarball is not installed (npm run consumer)');
    const browser = await launchChromium([...SWIFTSHADER, JUMPS]);
    if ('missing' in browser) return browser;
    const server = spawn(process.execPath, [SERVE, join(CONSUMER, 'node_modules/tpa-wasm')]);
    process.on('exit', () => server.kill());
    const address = await firstLine(server);
    return new Demo(server, address, browser);
  }

  /** The page, its model loaded. */
  async visit({ width, height, colorScheme }: View): Promise<Page> {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme });
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE);
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
      console.error('blocked by the policy: ' + event.violatedDirective + ' ' + event.blockedURI))`);
    await page.goto(this.address);
    await statusBegins(page, 'Ready');
    return page;
  }

  async screenshot(page: Page, name: string): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.#server.kill();
  }
}

/** Waits for what the page says of itself. */
export async function statusBegins(page: Page, text: string, timeout = DEADLINE): Promise<void> {
  await page
    .getByRole('status')
    .filter({ hasText: new RegExp(`^${text}`) })
    .waitFor({ timeout });
}

/** The address of a model of another origin whose weights stop halfway; it lasts as long as the tests. */
export async function stalledModel(): Promise<string> {
  const server: Server = createServer(({ url = '', headers }, response) => {
    const file = join(FOLDER, basename(url));
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', '*');
    if (!existsSync(file)) return response.writeHead(404).end();
    const bytes = readFileSync(file);
    const from = Number(/\d+/.exec(headers.range ?? '0')![0]);
    response.setHeader('content-length', bytes.length - from);
    response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
    response.writeHead(206);
    if (!url.endsWith('.safetensors')) return response.end(bytes);
    return response.write(bytes.subarray(from, bytes.length / 2));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

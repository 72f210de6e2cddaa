import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Browser } from 'playwright-core';
import { launchChromium } from '../helpers/servers/browser.ts';
import type { Missing } from './find.ts';
import { runPage } from './hosts/chromium.ts';
import type { Host } from './hosts/host.ts';
import { pageHosts } from './hosts/pages.ts';
import { programHosts } from './hosts/programs.ts';
import { readRows, rowOf, type Row, writeMatrix } from './table.ts';
import { judge, VERDICTS } from './verdicts.ts';
import { installOnnxruntime, openWorkspace } from './workspace.ts';

const workspace = await openWorkspace();
const chromium = await launchChromium();
const rows: Row[] = [];
const skipped: string[] = [];
try {
  await testHosts(programHosts(workspace.folder));
  if ('missing' in chromium) skipped.push(skip(chromium));
  else {
    installOnnxruntime(workspace.folder);
    await testHosts(pageHosts(chromium, workspace.folder));
    await testRefusal(chromium);
  }
} finally {
  if (!('missing' in chromium)) await chromium.close();
  workspace.remove();
}
writeMatrix({ rows, skipped });

const readme = suite('the table of the README');
readme('shows what ran (npm run matrix:readme)', () => {
  const shown = readRows();
  const titles = new Set(rows.map(({ title }) => title));
  assert.equal(skipped.length > 0 ? shown.filter(({ title }) => titles.has(title)) : shown, rows);
});
readme.run();

async function testHosts(hosts: readonly (Host | Missing)[]): Promise<void> {
  for (const host of hosts) {
    if ('missing' in host) skipped.push(skip(host));
    else rows.push(rowOf(host, await testHost(host)));
  }
}

/** Runs the suite in every variant of a host, and registers what came of it. @returns failures */
async function testHost(host: Host): Promise<number> {
  let failed = 0;
  for (const { title, expected, run } of host.variants) {
    const verdicts = judge(await run().catch((error: unknown) => error as Error), expected);
    const test = suite(title === '' ? host.title : `${host.title}, ${title}`);
    for (const name of VERDICTS) {
      const verdict = verdicts[name];
      if (verdict !== undefined) failed++;
      test(name, () => {
        if (verdict !== undefined) throw new Error(verdict);
      });
    }
    test.run();
  }
  return failed;
}

/** A policy that forbids wasm is named, and what would allow it. */
async function testRefusal(browser: Browser): Promise<void> {
  const headers = { 'content-security-policy': "default-src 'self'" };
  const site = { folders: [workspace.folder], page: 'refused.html', headers };
  const outcome = await runPage(browser, site).catch((error: unknown) => error as Error);
  const test = suite('Chromium, wasm forbidden by the policy');
  test('WASM_BLOCKED, with the words that allow it', () => {
    if (outcome instanceof Error) throw outcome;
    const { name, code, message } = outcome.posted as Record<string, string>;
    assert.equal({ name, code }, { name: 'TpaError', code: 'WASM_BLOCKED' });
    assert.match(message!, /script-src 'self' 'wasm-unsafe-eval'/);
    assert.equal(outcome.complaints, []);
  });
  test.run();
}

function skip({ missing }: Missing): string {
  const test = suite('conformance');
  test.skip(missing);
  process.stdout.write(`conformance: skipped, ${missing}\n`);
  test.run();
  return missing;
}

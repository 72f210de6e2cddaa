import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as assert from 'uvu/assert';
import { type Check, DESKTOP, FOLDER, stalledModel, statusBegins } from './page.ts';
import { focused, openAll, pickFolder, storyReaches, textOf, writes } from './probes.ts';

/** Models from addresses and from files, and what goes wrong with them. */
export function testLoading(check: Check): void {
  check('a bad address is told, and the model in use stays', async (demo) => {
    const page = await demo.visit(DESKTOP);
    await openAll(page);
    await page.getByLabel('From an address').check();
    await page.getByRole('button', { name: 'Load' }).click();
    const alert = page.locator('#load').getByRole('alert');
    await alert.filter({ hasText: 'type the address of a GGUF file' }).waitFor();
    await page.getByLabel('Address of its file or folder').fill('none/');
    await page.keyboard.press('Enter');
    await alert.filter({ hasText: 'there is no file "config.json"' }).waitFor();
    await page.getByLabel('Address of its file or folder').fill('http://127.0.0.1:1/');
    await page.keyboard.press('Enter');
    await alert.filter({ hasText: 'model file "config.json"' }).waitFor();
    assert.is(await textOf(page, '#model-name'), 'stories, on the processor');
    await writes(page);
  });

  check('loading tells how far it is and can be cancelled, focus stays there', async (demo) => {
    const page = await demo.visit(DESKTOP);
    await openAll(page);
    const address = await stalledModel();
    await page.getByLabel('From an address').check();
    await page.getByLabel('Address of its file or folder').fill(address);
    await page.getByRole('button', { name: 'Load' }).focus();
    await page.keyboard.press('Enter');
    await statusBegins(page, `Loading ${address}`);
    const progress = /^model\.safetensors: [\d.]+ [kM]B of 1\.\d+ MB, [\d.]+ [kM]B\/s$/;
    await page.locator('#progress-text').filter({ hasText: progress }).waitFor();
    const bar = page.getByRole('progressbar', { name: 'Loading the model' });
    const done = Number(await bar.evaluate((element) => (element as HTMLProgressElement).position));
    assert.ok(done > 0 && done <= 0.5, `${done} of the weights`);
    assert.is(await focused(page), 'Cancel');
    await page.keyboard.press('Enter');
    await statusBegins(page, 'Loading was cancelled');
    assert.is(await focused(page), 'Load');
    assert.is(await textOf(page, '#load-error'), '');
    await writes(page);
  });

  check('a model is switched for one at an address, while it writes', async (demo) => {
    const page = await demo.visit(DESKTOP);
    await openAll(page);
    await page.getByRole('button', { name: 'Write' }).click();
    await storyReaches(page, 30);
    await page.getByLabel('From an address').check();
    await page.getByLabel('Address of its file or folder').fill('models/t6-stories.gguf');
    await page.getByLabel('Computed by').selectOption('the processor');
    await page.getByRole('button', { name: 'Load' }).click();
    await page.getByText(`${demo.address}models/t6-stories.gguf, on the processor`).waitFor();
    assert.match(await textOf(page, '#model-facts'), 'backendwasm: asked for');
    await writes(page);
  });

  check(
    'a model is read from files that are picked, and what is missing is named',
    async (demo) => {
      const page = await demo.visit(DESKTOP);
      await openAll(page);
      const pick = async (names: readonly string[]) => {
        const files = names.map((name) => `${FOLDER}/${name}`);
        await page.getByLabel('or its files').setInputFiles(files);
        await page.getByRole('button', { name: 'Load' }).click();
      };
      await page.getByLabel('From this device').check();
      await pick(['tokenizer.json']);
      await page.getByRole('alert').filter({ hasText: 'a file "config.json"' }).waitFor();
      await pick(['config.json', 'model.safetensors', 'tokenizer.json']);
      await page.getByText('config.json, on the processor').waitFor();
      await writes(page);
      await pickFolder(page, FOLDER);
      await page.getByText('talking, on the processor').waitFor();
      await writes(page);
      await pick(['config.json']); // in place of the folder, not beside it
      await page.getByRole('alert').filter({ hasText: 'a file "model.safetensors"' }).waitFor();
    },
  );

  check('of a folder that is picked, files of its folders are left out', async (demo) => {
    const page = await demo.visit(DESKTOP);
    await openAll(page);
    const folder = mkdtempSync(join(tmpdir(), 'tpa-picked-'));
    try {
      cpSync(FOLDER, folder, { recursive: true });
      mkdirSync(join(folder, 'other'));
      for (const file of ['config.json', 'model.safetensors', 'more.safetensors']) {
        writeFileSync(join(folder, 'other', file), 'none of it');
      }
      await page.getByLabel('From this device').check();
      await pickFolder(page, folder);
      await page.getByText(`${basename(folder)}, on the processor`).waitFor();
      await writes(page);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
